/**
 * Who is signed in.
 *
 * The access token lives in this module's memory only. The refresh token is also in this tab's
 * session storage, so that a reload stays signed in; it works once and is replaced each time. A
 * duplicated tab starts with a copy of it: whichever tab exchanges it tells the others.
 */

import { ApiError, type Call, request } from "../../src/index";
import { reason } from "./api";

export interface User {
  id: string;
  email: string;
  name: string;
  role: "customer" | "seller" | "admin";
}

export type Session =
  | { kind: "starting" }
  | { kind: "out"; message?: string }
  | { kind: "in"; user: User };

interface Tokens {
  accessToken: string;
  refreshToken: string;
  expiresIn: number; // seconds
}

const KEY = "ordercast.refresh";
const ENDED = "Your session has ended. Sign in again.";

let session: Session = { kind: "starting" };
let access = { token: "", renewAt: 0 };
let renewal: Promise<string> | null = null;
const listeners = new Set<() => void>();

export function current(): Session {
  return session;
}

export function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Once, when the page starts: take up this tab's session if there is one. */
export async function resume(): Promise<void> {
  if (stored() === null) {
    become({ kind: "out" });
    return;
  }
  try {
    const call = { method: "GET", path: "/api/auth/me", token: await freshToken() };
    become({ kind: "in", user: await answer<User>(call) });
  } catch (error) {
    if (current().kind === "starting") {
      become({ kind: "out", message: reason(error) });
    }
  }
}

export async function signIn(email: string, password: string): Promise<void> {
  const login = await post<Tokens & { user: User }>("login", { email, password });
  keep(login);
  become({ kind: "in", user: login.user });
}

export async function signOut(): Promise<void> {
  const { token } = access;
  end();
  try {
    await post("logout", undefined, token);
  } catch {
    // The tokens are forgotten here in any case, and end by themselves there.
  }
}

/** The service no longer accepts this session. */
export function end(message?: string): void {
  access = { token: "", renewAt: 0 };
  store(null);
  become(message === undefined ? { kind: "out" } : { kind: "out", message });
}

/** A token that is good for a while yet, and not the one that was refused. Many may ask at once:
 * one exchange for all. */
export function freshToken(refused: string | null = null): Promise<string> {
  if (Date.now() < access.renewAt && access.token !== refused) return Promise.resolve(access.token);
  renewal ??= renew().finally(() => {
    renewal = null;
  });
  return renewal;
}

function post<Body>(name: string, body?: unknown, token: string | null = null): Promise<Body> {
  return answer<Body>({ method: "POST", path: `/api/auth/${name}`, body, token });
}

async function answer<Body>(call: Call): Promise<Body> {
  return (await request<Body>(location.origin, call)).body;
}

async function renew(): Promise<string> {
  const refreshToken = stored();
  if (refreshToken === null) throw new ApiError(401, "authentication_required", ENDED);
  try {
    const data = await post<Tokens>("refresh", { refreshToken });
    // Signed out meanwhile: then these are nobody's.
    if (stored() === refreshToken) {
      keep(data);
      tabs?.postMessage({ used: refreshToken, tokens: data } satisfies Exchange);
    }
    return data.accessToken;
  } catch (error) {
    // Somebody else may have signed in meanwhile: this end is not theirs.
    if (error instanceof ApiError && error.status === 401 && stored() === refreshToken) end(ENDED);
    throw error;
  }
}

interface Exchange {
  used: string; // the refresh token that is worth nothing now
  tokens: Tokens; // what it was exchanged for
}

const tabs = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel(KEY);

tabs?.addEventListener("message", ({ data }: MessageEvent<Exchange>) => {
  if (stored() === data.used) keep(data.tokens);
});

const RENEW_PART = 0.25; // of its life: then a token is exchanged when it is asked for

function keep({ accessToken, refreshToken, expiresIn }: Tokens): void {
  access = { token: accessToken, renewAt: Date.now() + expiresIn * 1000 * (1 - RENEW_PART) };
  store(refreshToken);
}

let memory: string | null = null; // where a browser forbids storage

function stored(): string | null {
  try {
    return sessionStorage.getItem(KEY) ?? memory;
  } catch {
    return memory;
  }
}

function store(token: string | null): void {
  memory = token;
  try {
    if (token === null) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, token);
  } catch {
    // Kept in memory: a reload signs out.
  }
}

function become(next: Session): void {
  session = next;
  for (const listener of listeners) listener();
}
