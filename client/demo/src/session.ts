/** Who is signed in, in this browser. */

import { request } from "../../src/index";
import { BrowserSession } from "./browser-session";

export type { User } from "./grant";
export type { Session } from "./browser-session";

const MARK = { "X-Requested-With": "ordercast" }; // with it the service reads the cookie

const browser = new BrowserSession({
  // Kept alive: the cookie of the answer is stored also when the page is left meanwhile.
  call: async (method, path, body) =>
    (await request(location.origin, { method, path, body, headers: MARK, keepalive: true })).body,
  storage: pageStorage(),
  locks: (navigator as Partial<Navigator>).locks ?? null,
  page: window,
});

export const { current, problem, subscribe, freshToken } = browser;

export function signIn(email: string, password: string): Promise<void> {
  return browser.signIn(email, password);
}

export function signOut(): Promise<void> {
  return browser.signOut();
}

function pageStorage(): Storage | null {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}
