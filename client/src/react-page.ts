/** The hooks for a page's own events and data. */
import { useEffect, useRef, useState, useSyncExternalStore } from "react";

import type { Connection } from "./connection.js";
import type { Change, LiveState } from "./live.js";
import { type FetchedSnapshot, LiveValue, type Reducers, type Snapshot, UNREAD } from "./snapshot.js";
import { currentConnection, onConnectionChange } from "./socket.js";
import { type ConnectionState, IDLE } from "./state.js";
import type { EventName, Handler, OrdercastSocket, UntypedHandler } from "./wire.js";

const nothing = () => () => undefined;
const none = () => null;

/** The page's connection, from the first render on; null only before initSocket is called. */
export function useCurrentConnection(): Connection | null {
  return useSyncExternalStore(onConnectionChange, currentConnection, none);
}

/** The stock socket; null only before initSocket is called. */
export function useSocket(): OrdercastSocket | null {
  const connection = useCurrentConnection();
  useEffect(() => connection?.hold(), [connection]);
  return connection?.socket ?? null;
}

/** {state, recovered, transport, refusal, connects}. */
export function useConnection(): ConnectionState {
  const connection = useCurrentConnection();
  useEffect(() => connection?.hold(), [connection]);
  return useSyncExternalStore(connection?.subscribe ?? nothing, connection?.state ?? idle, idle);
}

const idle = () => IDLE;

/** Calls the handler for each event of this name, once. Each render may pass another function. */
export function useEvent<Name extends EventName>(name: Name, handler: Handler<Name>): void {
  useUntypedEvent(name, handler as UntypedHandler);
}

/** Like `useEvent`, for any name: an event that is not declared. */
export function useUntypedEvent(name: string, handler: UntypedHandler): void {
  const connection = useCurrentConnection();
  const latest = useRef(handler);
  useEffect(() => {
    latest.current = handler;
  });
  useEffect(() => {
    if (connection === null) return undefined;
    const release = connection.hold();
    const undo = connection.onUntyped(name, (...given) => {
      latest.current(...given);
    });
    return () => {
      undo();
      release();
    };
  }, [connection, name]);
}

/** Calls `onReload` at the first connect, and at each that was not recovered: read data again. */
export function useReload(onReload: () => void): void {
  const connection = useCurrentConnection();
  const latest = useRef(onReload);
  useEffect(() => {
    latest.current = onReload;
  });
  useEffect(
    () =>
      connection?.onReload(() => {
        latest.current();
      }),
    [connection],
  );
}

/** `value` is undefined until it was read; in the status `failed` reading is tried again. */
export type LiveResult<Value> = LiveState<Value | undefined> & {
  readonly reload: () => void;
  readonly reloadSoon: () => void; // once for all calls until then
  /** Apply a change before its event: an answer, or an optimistic guess. */
  readonly change: (change: Change<Value>) => void;
};

/** A value of the page's own that is kept up to date, see `live`. Given a result of `live`, all
 * components share it. Given a snapshot and reducers, the component has one of its own: each render
 * may pass other functions, of which the latest are called, and the snapshot is read anew when one
 * of `deps` changes, as an effect would be. */
export function useLive<Value>(value: LiveValue<Value>): LiveResult<Value>;
export function useLive<Value>(
  snapshot: Snapshot<Value>,
  events: Reducers<Value>,
  deps?: readonly unknown[],
): LiveResult<Value>;
export function useLive<Value>(
  // In one signature the value would be taken for the stream of the Response, its `body`.
  // eslint-disable-next-line @typescript-eslint/unified-signatures
  snapshot: FetchedSnapshot,
  events: Reducers<Value>,
  deps?: readonly unknown[],
): LiveResult<Value>;
export function useLive<Value>(
  given: LiveValue<Value> | FetchedSnapshot | Snapshot<Value>,
  events: Reducers<Value> = {},
  deps: readonly unknown[] = [],
): LiveResult<Value> {
  const key = given instanceof LiveValue ? [given] : [...Object.keys(events), ...deps];
  const [made, setMade] = useState(() => ({ key, live: liveOf(given, events) }));
  let { live } = made;
  if (!isSame(key, made.key)) setMade({ key, live: (live = liveOf(given, events)) });
  useEffect(() => {
    if (!(given instanceof LiveValue)) live.replace(given, events);
  });
  const state = useSyncExternalStore(live.subscribe, live.state, unread);
  const { reload, reloadSoon, change } = live;
  return { ...state, reload, reloadSoon, change };
}

function liveOf<Value>(
  given: LiveValue<Value> | FetchedSnapshot | Snapshot<Value>,
  events: Reducers<Value>,
): LiveValue<Value> {
  return given instanceof LiveValue ? given : new LiveValue(given, events);
}

const unread = () => UNREAD;

function isSame(key: readonly unknown[], other: readonly unknown[]): boolean {
  return key.length === other.length && key.every((part, index) => Object.is(part, other[index]));
}
