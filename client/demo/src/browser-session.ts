/** The session of a browser: one for all its tabs.
 *
 * The refresh token is in a cookie that no script reads, the access token in this page's memory, and
 * who is signed in in the local storage, which tells each tab when another has signed in or out. */

import { ApiError } from "../../src/http";
import type { KeyValue } from "../../src/place";
import { type Grant, grantOf, type SessionAnswer, type User } from "./grant";
import { Remembered, USER_KEY } from "./remembered";
import { Tabs } from "./tabs";

export type Session =
  | { readonly kind: "out"; readonly message?: string }
  | { readonly kind: "in"; readonly user: User };

/** A call to the service with the browser's cookie. Rejects with ApiError or NetworkError. */
export type CookieCall = (method: string, path: string, body?: unknown) => Promise<unknown>;

export interface Surroundings {
  readonly call: CookieCall;
  readonly storage: KeyValue | null;
  readonly locks: LockManager | null;
  readonly page: EventTarget; // dispatches storage, pagehide and pageshow
}

const PATH = "/api/auth/session";
const NAME = "ordercast.session"; // of the lock and the channel
const ENDED = "Your session has ended. Sign in again.";
const SIGNED_OUT = "You were signed out.";
const MAX_LEAVE_SECONDS = 60; // between two attempts to tell of a logout

export class BrowserSession {
  private session: Session;
  private grant: Grant | null = null;
  private renewal: Promise<string> | null = null;
  private failure: unknown = null;
  private readonly remembered: Remembered;
  private readonly tabs: Tabs;
  private readonly listeners = new Set<() => void>();

  constructor(private readonly surroundings: Surroundings) {
    const { storage, locks, page } = surroundings;
    this.remembered = new Remembered(storage);
    this.tabs = new Tabs(
      NAME,
      locks,
      () => (this.isUsable(this.grant) ? this.grant : null),
      (grant) => {
        if (this.isIn(grant.user) && grant.renewAt > (this.grant?.renewAt ?? 0)) this.adopt(grant);
      },
    );
    this.tabs.open();
    page.addEventListener("storage", (event) => {
      const { key } = event as StorageEvent;
      if (key === USER_KEY || key === null) this.settle();
    });
    page.addEventListener("pagehide", () => {
      this.tabs.close();
    });
    page.addEventListener("pageshow", () => {
      this.tabs.open();
      this.settle(); // a page of the back/forward cache has heard nothing
    });
    const user = this.remembered.user();
    this.session = user === null ? { kind: "out" } : { kind: "in", user };
    if (user === null && this.remembered.isLeaving()) void this.leave();
  }

  readonly current = (): Session => this.session;

  /** Why the last attempt to get a token failed, unless one has succeeded since; else null. */
  readonly problem = (): unknown => this.failure;

  /** Call the listener at each change of `current` and `problem`; returns the undo. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** A token that is good for a while yet, and not the one that was refused. Many may ask at once:
   * one exchange for all. */
  readonly freshToken = (refused: string | null = null): Promise<string> => {
    const { grant } = this;
    if (this.isUsable(grant) && grant.token !== refused) return Promise.resolve(grant.token);
    this.renewal ??= this.renew(refused).finally(() => {
      this.renewal = null;
    });
    return this.renewal;
  };

  async signIn(email: string, password: string): Promise<void> {
    await this.tabs.alone(async () => {
      const answer = await this.surroundings.call("POST", PATH, { email, password });
      this.remembered.setLeaving(false); // the service has ended the session of that logout
      this.adopt(grantOf(answer as SessionAnswer));
    });
  }

  /** Sign out in all tabs, also without an answer: the service is told as soon as it can be. */
  signOut(): Promise<void> {
    this.end();
    this.remembered.setLeaving(true);
    return this.leave();
  }

  /** The service does not accept this session any more. */
  end(message?: string): void {
    this.remembered.setUser(null);
    this.leaveUser(message);
  }

  private async renew(refused: string | null): Promise<string> {
    const { session } = this;
    if (session.kind === "out") throw new ApiError(401, "authentication_required", ENDED);
    const { user } = session;
    const { token } = await this.tabs.alone(() => this.next(user, refused));
    // A call of one user must not be made as another.
    if (!this.isIn(user)) throw new ApiError(401, "authentication_required", ENDED);
    return token;
  }

  /** Another access token, while no other tab asks for one. */
  private async next(user: User, refused: string | null): Promise<Grant> {
    const isWanted = (grant: Grant | null): grant is Grant =>
      this.isUsable(grant) && grant.token !== refused && grant.user.id === user.id;
    if (isWanted(this.grant)) return this.grant; // told by another tab while this one waited
    const told = await this.tabs.ask(isWanted);
    return told ?? this.exchange(user);
  }

  private async exchange(user: User): Promise<Grant> {
    let answer: SessionAnswer;
    try {
      answer = (await this.surroundings.call("POST", `${PATH}/refresh`)) as SessionAnswer;
    } catch (error) {
      if (!isRefused(error)) this.fail(error);
      else if (this.isIn(user)) this.end(error.status === 401 ? ENDED : error.message);
      throw error;
    }
    const grant = grantOf(answer);
    if (this.isIn(user)) {
      this.adopt(grant);
      this.tabs.tell(grant);
    }
    return grant;
  }

  /** Go on with this grant, as its user. */
  private adopt(grant: Grant): void {
    this.grant = grant;
    this.failure = null;
    if (this.session.kind === "out" || !isSame(this.session.user, grant.user)) {
      this.remembered.setUser(grant.user);
      this.become({ kind: "in", user: grant.user });
    } else this.become(this.session);
  }

  /** Follow what another tab has done. */
  private settle(): void {
    const user = this.remembered.user();
    if (user === null) {
      if (this.session.kind === "in") this.leaveUser(SIGNED_OUT);
    } else if (this.session.kind === "out" || !isSame(this.session.user, user)) {
      if (this.grant?.user.id !== user.id) this.grant = null;
      this.become({ kind: "in", user });
    }
  }

  private leaveUser(message?: string): void {
    this.grant = null;
    this.failure = null;
    this.become(message === undefined ? { kind: "out" } : { kind: "out", message });
  }

  /** Tell the service of the logout, until it has answered or somebody has signed in. */
  private async leave(): Promise<void> {
    for (let seconds = 1; this.remembered.isLeaving(); seconds = Math.min(seconds * 2, MAX_LEAVE_SECONDS)) {
      try {
        await this.tabs.alone(async () => {
          if (this.remembered.isLeaving()) await this.surroundings.call("DELETE", PATH);
        });
        this.remembered.setLeaving(false);
      } catch (error) {
        if (isRefused(error)) this.remembered.setLeaving(false);
        else await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
      }
    }
  }

  private isUsable(grant: Grant | null): grant is Grant {
    return grant !== null && Date.now() < grant.renewAt;
  }

  private isIn(user: User): boolean {
    return this.session.kind === "in" && this.session.user.id === user.id;
  }

  private fail(error: unknown): void {
    this.failure = error;
    this.become(this.session);
  }

  private become(next: Session): void {
    this.session = next;
    for (const listener of this.listeners) listener();
  }
}

/** Whether to repeat the same call is of no use. */
function isRefused(error: unknown): error is ApiError {
  return error instanceof ApiError && [400, 401, 403, 404, 405].includes(error.status);
}

function isSame(one: User, other: User): boolean {
  return one.id === other.id && one.role === other.role && one.name === other.name;
}
