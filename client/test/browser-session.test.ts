// @vitest-environment happy-dom
/** The session of a browser in two tabs. The service is the test's own: what it is asked, in which
 * order, and how late it answers decide each race. */
import { afterEach, expect, test, vi } from "vitest";

import { BrowserSession } from "../demo/src/browser-session";
import type { SessionAnswer, User } from "../demo/src/grant";
import { ApiError, NetworkError } from "../src";

const BOB: User = { id: "2", email: "bob@example.com", name: "Bob", role: "seller" };
const ALICE: User = { id: "1", email: "alice@example.com", name: "Alice", role: "customer" };

type Answer = SessionAnswer | Error | Promise<SessionAnswer>;

/** One browser: a storage, locks, and a service that gives the answers it is told to. */
class Browser {
  readonly asked: string[] = [];
  readonly answers: Answer[] = [];
  readonly pages: EventTarget[] = [];
  private readonly kept = new Map<string, string>();
  private last: Promise<unknown> = Promise.resolve();

  tab({ locks = true } = {}): BrowserSession {
    const page = new EventTarget();
    this.pages.push(page);
    return new BrowserSession({
      page,
      storage: this.storage(page),
      locks: locks ? this.locks : null,
      call: async (method, path) => {
        this.asked.push(`${method} ${path.replace("/api/auth/session", "")}`);
        const answer = await (this.answers.shift() ?? granted(BOB));
        if (answer instanceof Error) throw answer;
        return answer;
      },
    });
  }

  /** The storage as this page has it: the other pages hear of each change. */
  private storage(page: EventTarget) {
    const tell = (key: string) => {
      for (const other of this.pages.filter((one) => one !== page))
        queueMicrotask(() => other.dispatchEvent(Object.assign(new Event("storage"), { key })));
    };
    return {
      getItem: (key: string) => this.kept.get(key) ?? null,
      setItem: (key: string, value: string) => {
        this.kept.set(key, value);
        tell(key);
      },
      removeItem: (key: string) => {
        if (this.kept.delete(key)) tell(key);
      },
    };
  }

  /** One holder at a time, in the order of asking. */
  private readonly locks = {
    request: <T>(_name: string, work: () => Promise<T>): Promise<T> => {
      const turn = this.last.then(work);
      this.last = turn.catch(() => undefined);
      return turn;
    },
  } as unknown as LockManager;
}

let number = 0;

function granted(user: User, expiresIn = 900): SessionAnswer {
  number += 1;
  return { accessToken: `token-${number}`, expiresIn, user };
}

async function signedIn(browser: Browser): Promise<BrowserSession> {
  const tab = browser.tab();
  browser.answers.push(granted(BOB));
  await tab.signIn("bob@example.com", "secret");
  return tab;
}

const user = (tab: BrowserSession) => {
  const session = tab.current();
  return session.kind === "in" ? session.user.name : null;
};

afterEach(() => {
  for (const page of pagesOf.splice(0)) page.dispatchEvent(new Event("pagehide"));
});
const pagesOf: EventTarget[] = [];

function newBrowser(): Browser {
  const browser = new Browser();
  const { pages } = browser;
  pagesOf.push({ dispatchEvent: (event: Event) => pages.every((one) => one.dispatchEvent(event)) } as EventTarget);
  return browser;
}

test("a new tab is signed in at once, and its sibling gives it the token", async () => {
  const browser = newBrowser();
  const one = await signedIn(browser);
  const two = browser.tab();
  expect(user(two)).toBe("Bob"); // before anything was asked
  expect(await two.freshToken()).toBe(await one.freshToken());
  expect(browser.asked).toEqual(["POST "]);
});

test("a reload alone in its browser refreshes once for all who ask", async () => {
  const browser = newBrowser();
  await signedIn(browser);
  browser.pages[0]?.dispatchEvent(new Event("pagehide")); // its channel is closed
  const again = browser.tab();
  const tokens = await Promise.all([again.freshToken(), again.freshToken(), again.freshToken()]);
  expect(new Set(tokens).size).toBe(1);
  expect(browser.asked).toEqual(["POST ", "POST /refresh"]);
});

test("of two tabs whose token is refused one asks the service, and the other hears of it", async () => {
  const browser = newBrowser();
  const one = await signedIn(browser);
  const two = browser.tab();
  const refused = await two.freshToken();
  const tokens = await Promise.all([one.freshToken(refused), two.freshToken(refused)]);
  expect(tokens[0]).toBe(tokens[1]);
  expect(tokens[0]).not.toBe(refused);
  expect(browser.asked).toEqual(["POST ", "POST /refresh"]);
});

test("a logout in one tab signs out all, and the service is told once", async () => {
  const browser = newBrowser();
  const one = await signedIn(browser);
  const two = browser.tab();
  await two.signOut();
  await vi.waitFor(() => {
    expect([user(one), user(two)]).toEqual([null, null]);
  });
  expect(browser.asked).toEqual(["POST ", "DELETE "]);
  await expect(one.freshToken()).rejects.toThrow(ApiError);
  expect(browser.asked).toHaveLength(2);
});

test("a logout that nobody answered is told by the next page", async () => {
  vi.useFakeTimers();
  const browser = newBrowser();
  const one = await signedIn(browser);
  browser.answers.push(new NetworkError("no network"));
  const leaving = one.signOut();
  expect(user(one)).toBeNull();
  await vi.advanceTimersByTimeAsync(0);
  const next = browser.tab();
  expect(user(next)).toBeNull();
  await vi.advanceTimersByTimeAsync(5000);
  await leaving;
  expect(browser.asked).toEqual(["POST ", "DELETE ", "DELETE "]);
  vi.useRealTimers();
});

test("somebody else in one tab is somebody else in all, and no call is made as another", async () => {
  const browser = newBrowser();
  const one = await signedIn(browser);
  const two = browser.tab();
  // A call of Bob's waits for a token while Alice signs in.
  let answer: (answer: SessionAnswer) => void = () => undefined;
  browser.answers.push(new Promise((resolve) => (answer = resolve)));
  const late = two.freshToken(await one.freshToken());
  await vi.waitFor(() => {
    expect(browser.asked).toHaveLength(2);
  });
  answer(granted(ALICE)); // the cookie was hers by then
  await expect(late).rejects.toThrow(ApiError);
  await vi.waitFor(() => {
    expect([user(one), user(two)]).toEqual(["Alice", "Alice"]);
  });
});

test("a session that is over ends in all tabs with the reason; a service that fails ends nothing", async () => {
  const browser = newBrowser();
  const one = await signedIn(browser);
  const two = browser.tab();
  const refused = await one.freshToken();
  const busy = new ApiError(503, "database_unavailable", "Busy.");
  browser.answers.push(busy);
  await expect(one.freshToken(refused)).rejects.toBe(busy);
  expect(one.problem()).toBe(busy);
  expect(user(one)).toBe("Bob");
  browser.answers.push(new ApiError(401, "token_revoked", "Revoked."));
  await expect(one.freshToken(refused)).rejects.toThrow("Revoked.");
  expect(one.current()).toEqual({ kind: "out", message: "Your session has ended. Sign in again." });
  await vi.waitFor(() => {
    expect(user(two)).toBeNull();
  });
});

test("a page that comes back from the browser's cache follows what it missed", async () => {
  const browser = newBrowser();
  const one = await signedIn(browser);
  const [page] = browser.pages;
  browser.pages.length = 0; // hears nothing
  const two = browser.tab();
  await two.signOut();
  expect(user(one)).toBe("Bob");
  page?.dispatchEvent(new Event("pageshow"));
  expect(user(one)).toBeNull();
});

test("another name or role of the same user is that of all tabs", async () => {
  const browser = newBrowser();
  const one = await signedIn(browser);
  const two = browser.tab();
  browser.answers.push(granted({ ...BOB, name: "Robert" }));
  await one.freshToken(await one.freshToken());
  await vi.waitFor(() => {
    expect([user(one), user(two)]).toEqual(["Robert", "Robert"]);
  });
});

test("without locks and with a forbidden storage a tab is signed in for itself", async () => {
  const forbidden = () => {
    throw new Error("forbidden");
  };
  const tab = new BrowserSession({
    page: new EventTarget(),
    storage: { getItem: forbidden, setItem: forbidden, removeItem: forbidden },
    locks: null,
    call: () => Promise.resolve(granted(BOB)),
  });
  await tab.signIn("bob@example.com", "secret");
  expect(user(tab)).toBe("Bob");
  await tab.signOut();
  expect(user(tab)).toBeNull();
});
