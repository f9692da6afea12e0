/**
 * Who is signed in.
 *
 * The access token lives in this module's memory only. The refresh token is also in this tab's
 * session storage, so that a reload stays signed in; it works once and is replaced each time. A
 * duplicated tab starts with a copy of it: whichever tab exchanges it tells the others.
 */

import { ApiError, request } from "./http";

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
    const { data } = await request<User>("GET", "/api/auth/me", { token: await freshToken() });
    become({ kind: "in", user: data });
  } catch (error) {
    if (current().kind === "starting") {
      become({ kind: "out", message: error instanceof ApiError ? error.message : ENDED });
    }
  }
}

export async function signIn(email: string, password: string): Promise<void> {
  const { data } = await request<Tokens & { user: User }>("POST", "/api/auth/login", {
    body: { email, password },
  });
  keep(data);
  become({ kind: "in", user: data.user });
}

export async function signOut(): Promise<void> {
  const { token } = access;
  end();
  try {
    await request("POST", "/api/auth/logout", { token });
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

/** A token that is good for a while yet. Many may ask at once: one exchange for all. */
export function freshToken(): Promise<string> {
  if (Date.now() < access.renewAt) return Promise.resolve(access.token);
  renewal ??= renew().finally(() => {
    renewal = null;
  });
  return renewal;
}

/** The service took this token for expired: the next one asked for is another. */
export function expire(token: string): void {
  if (access.token === token) access.renewAt = 0;
}

async function renew(): Promise<string> {
  const refreshToken = stored();
  if (refreshToken === null) throw new ApiError(401, "authentication_required", ENDED);
  try {
    const { data } = await request<Tokens>("POST", "/api/auth/refresh", { body: { refreshToken } });
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
