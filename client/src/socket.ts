import { baseOf } from "./base.js";
import { Connection, type Options } from "./connection.js";
import { Listeners } from "./listeners.js";
import type { TokenSource } from "./token.js";
import type { EventName, Handler, OrdercastSocket, UntypedHandler } from "./wire.js";

/** The page's one connection. Listeners of this module outlive it, and move to the next one. */
let current: Connection | null = null;
const watchers = new Listeners<[]>();

/** Connect. Called again with the same token source and URL the connection stays; with others a new
 * one takes its place. The token is asked for at every connect and before it expires, so give a
 * function where you can. `url`: of the service, also with a path that a proxy has put before it, or
 * relative to the page; NEXT_PUBLIC_SOCKET_URL or VITE_SOCKET_URL if omitted, or the page's origin.
 */
export function initSocket(
  token: TokenSource,
  url?: string,
  options: Options = {},
): OrdercastSocket {
  const target = baseOf(url ?? configuredUrl()).url;
  if (current?.source === token && current.url === target) return current.socket;
  current?.end();
  const connection = new Connection(token, target, options);
  if (options.lazy !== true) connection.hold();
  replace(connection);
  return connection.socket;
}

/** The stock socket, or null if nobody is signed in. Its handlers may get an event again; those of
 * `onEvent` get each once. */
export function getSocket(): OrdercastSocket | null {
  return current?.socket ?? null;
}

/** Sign out: end the connection, also while it is used. */
export function disconnectSocket(): void {
  current?.end();
  replace(null);
}

export function currentConnection(): Connection | null {
  return current;
}

/** Call the listener when there is another connection; returns the undo. */
export function onConnectionChange(listener: () => void): () => void {
  return watchers.add(listener);
}

/** Call the handler for each event of this name, once, now and after the next sign-in; returns the
 * undo. */
export function onEvent<Name extends EventName>(name: Name, handler: Handler<Name>): () => void {
  return onEach((connection) => connection.on(name, handler));
}

/** Like `onEvent`, for any name: an event that is not declared. */
export function onUntypedEvent(name: string, handler: UntypedHandler): () => void {
  return onEach((connection) => connection.onUntyped(name, handler));
}

/** Call the listener when snapshots have to be read over HTTP (again): at the first connect, and at
 * each that was not recovered; returns the undo. */
export function onReload(listener: () => void): () => void {
  return onEach((connection) => connection.onReload(listener));
}

/** Attach to this connection, and to each that follows; returns the undo. */
export function onEach(attach: (connection: Connection) => () => void): () => void {
  let detach = current === null ? undefined : attach(current);
  const unwatch = watchers.add(() => {
    detach?.();
    detach = current === null ? undefined : attach(current);
  });
  return () => {
    unwatch();
    detach?.();
  };
}

function replace(connection: Connection | null): void {
  current = connection;
  watchers.tell();
}

/** Bundlers replace the two variables, and only where they are spelled like this. */
function configuredUrl(): string {
  const next = typeof process === "undefined" ? undefined : process.env.NEXT_PUBLIC_SOCKET_URL;
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- no Vite, no env
  const vite = import.meta.env?.VITE_SOCKET_URL as string | undefined;
  const url = next || vite || (typeof location === "undefined" ? undefined : location.origin);
  if (url === undefined)
    throw new Error("initSocket needs a url: there is no page to take it from");
  return url;
}
