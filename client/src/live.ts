import type { Connection } from "./connection.js";
import { Holders } from "./holders.js";
import type { Answer } from "./http.js";
import { Listeners } from "./listeners.js";
import { isAfter } from "./offset.js";

export type LiveState<Value> = {
  readonly value: Value;
  readonly status: "loading" | "ready" | "failed";
  readonly error: Error | null; // in the status `failed`; reading is tried again
};

/** An event's change of the value. */
export type Change<Value> = (value: Value) => Value;

/** Passes changes to `push` as they come; returns the undo. */
export type Feed<Value> = (push: (change: Change<Value>, offset?: string) => void) => () => void;

const AGAIN_MS = 250; // events come in bursts: one read for all of them
const MAX_RETRY_MS = 30_000;

/** A snapshot that is kept as it would be read now: snapshot + events == fresh snapshot.
 *
 * Listens first and reads second: an event that comes during the read is kept, and applied to the
 * snapshot if the snapshot's offset does not cover it. */
export class Live<Value> {
  private current: LiveState<Value>;
  private readonly watchers = new Listeners<[]>();
  private readonly holders = new Holders(
    () => {
      this.start();
    },
    () => {
      this.stop();
    },
  );
  private readonly undo: (() => void)[] = [];
  private held: { change: Change<Value>; offset: string | undefined }[] | null = null; // while reading
  private round = 0; // of reading; the answer to an earlier round is ignored
  private isRead = false;
  private failures = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly connection: Connection,
    private readonly empty: Value,
    private readonly read: () => Promise<Answer<Value>>,
    private readonly feed: Feed<Value>,
  ) {
    this.current = { value: empty, status: "loading", error: null };
  }

  readonly state = (): LiveState<Value> => this.current;

  /** Keep the value up to date, and call the listener at each change; returns the undo. */
  readonly subscribe = (listener: () => void): (() => void) => {
    const undo = [this.watchers.add(listener), this.connection.hold(), this.holders.hold()];
    return () => {
      for (const one of undo) one();
    };
  };

  /** Apply a change that the caller knows before its event: an answer, or an optimistic guess. */
  readonly change = (change: Change<Value>): void => {
    this.push(change, undefined);
  };

  /** Read the snapshot now. */
  readonly reload = (): void => {
    clearTimeout(this.timer);
    this.timer = undefined;
    void this.load();
  };

  /** Read the snapshot soon: an event means that more has changed than the event says. */
  readonly reloadSoon = (): void => {
    this.timer ??= setTimeout(this.reloadNext, AGAIN_MS);
  };

  /** Wait for the read under way: events that come faster than answers would never let one end. */
  private readonly reloadNext = (): void => {
    this.timer = undefined;
    if (this.held === null) this.reload();
    else this.reloadSoon();
  };

  private start(): void {
    this.undo.push(
      this.feed((change, offset) => {
        this.push(change, offset);
      }),
      this.connection.onLive((recovered) => {
        if (!recovered || !this.isRead) this.reload();
      }),
    );
    if (this.connection.state().state === "live") this.reload();
  }

  private stop(): void {
    for (const undo of this.undo.splice(0)) undo();
    clearTimeout(this.timer);
    this.timer = undefined;
    this.round += 1;
    this.held = null;
    this.isRead = false;
    this.set({ value: this.empty, status: "loading", error: null });
  }

  private push(change: Change<Value>, offset: string | undefined): void {
    this.held?.push({ change, offset });
    try {
      this.set({ value: change(this.current.value) });
    } catch (error) {
      this.reloadSoon(); // the snapshot has what this change has not done
      throw error;
    }
  }

  private async load(): Promise<void> {
    const round = (this.round += 1);
    this.held = [];
    this.isRead = false;
    try {
      const { body, offset } = await this.read();
      if (round === this.round) this.finish(body, offset);
    } catch (error) {
      if (round === this.round)
        this.fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  private finish(snapshot: Value, position: string | undefined): void {
    const news = (this.held ?? []).filter(
      ({ offset }) => offset === undefined || isAfter(offset, position),
    );
    this.held = null;
    this.isRead = true;
    this.failures = 0;
    const value = news.reduce((value, { change }) => change(value), snapshot);
    this.set({ value, status: "ready", error: null });
  }

  /** Keep the value, and try again: after a delay while connected, else at the next connect. */
  private fail(error: Error): void {
    this.held = null;
    this.set({ status: "failed", error });
    if (this.connection.state().state !== "live") return;
    const delay = Math.min(1000 * 2 ** this.failures, MAX_RETRY_MS);
    this.failures += 1;
    this.timer ??= setTimeout(this.reload, delay);
  }

  private set(changes: Partial<LiveState<Value>>): void {
    this.current = { ...this.current, ...changes };
    this.watchers.tell();
  }
}
