import { isAfter } from "./offset.js";

/** The part of `sessionStorage` that is used. */
export type KeyValue = Pick<Storage, "getItem" | "setItem" | "removeItem">;

type Kept = { readonly pid: string; readonly offset?: string | undefined };
type Claim = { readonly pid: string; readonly ticket: number };

/** The place of this client in its stream of events: the pid, for recovery, and the last offset.
 *
 * The session storage has both only over a reload: written when the page is left, removed when it
 * is back. So a tab that is duplicated or opened from this one, with a copy of the storage, finds
 * nothing there: a pid belongs to one tab. Two tabs may still have the same pid if the copy was
 * made while the tab showed another page: they settle over a broadcast channel which tab keeps
 * the pid. */
export class Place {
  private pid: string | undefined;
  private offset: string | undefined;
  private lost: string | undefined; // the pid that another tab has
  private readonly ticket = Math.random();
  private channel: BroadcastChannel | null = null;
  private readonly undo: (() => void)[] = [];

  constructor(
    private readonly key: string,
    private readonly storage: KeyValue | null,
    private readonly page: EventTarget | null,
  ) {}

  /** Take the place that the page before has stored, and store it when this page is left. */
  open(): void {
    if (this.undo.length > 0) return;
    this.take();
    this.listen("pagehide", () => {
      this.leave();
    });
    this.listen("pageshow", () => {
      this.show();
    });
    this.show();
  }

  close(): void {
    for (const undo of this.undo.splice(0)) undo();
    this.channel?.close();
    this.channel = null;
  }

  /** Be a client that has seen nothing. */
  forget(): void {
    this.pid = this.offset = undefined;
  }

  /** The payload of CONNECT besides the token. */
  ticketBack(): { pid: string | undefined; offset: string | undefined } {
    return { pid: this.pid, offset: this.offset };
  }

  /** Note the answer to CONNECT -> whether the client is recovered. */
  arrive(pid: string | undefined): boolean {
    const recovered = pid !== undefined && pid === this.pid;
    if (!recovered) {
      this.offset = undefined;
      this.pid = pid === this.lost ? undefined : pid;
    }
    return recovered;
  }

  /** Whether an event with this offset is news. */
  isNews(offset: string): boolean {
    return isAfter(offset, this.offset);
  }

  /** Note that an event was handled. */
  pass(offset: string): void {
    if (this.isNews(offset)) this.offset = offset;
  }

  private take(): void {
    const kept = this.read();
    this.attempt((storage) => {
      storage.removeItem(this.key);
    });
    if (this.pid === undefined && kept !== null) {
      this.pid = kept.pid;
      this.offset = kept.offset;
    }
  }

  private read(): Kept | null {
    const text = this.attempt((storage) => storage.getItem(this.key));
    try {
      const kept: unknown = JSON.parse(text ?? "null");
      return isKept(kept) ? kept : null;
    } catch {
      return null;
    }
  }

  private leave(): void {
    const { pid, offset } = this;
    if (pid === undefined) return;
    this.attempt((storage) => {
      storage.setItem(this.key, JSON.stringify({ pid, offset } satisfies Kept));
    });
    this.channel?.close(); // an open one keeps the page out of the back/forward cache
    this.channel = null;
  }

  /** The page is shown, maybe again: its own memory is newer than the storage. */
  private show(): void {
    this.attempt((storage) => {
      storage.removeItem(this.key);
    });
    if (this.page === null || this.channel !== null || typeof BroadcastChannel === "undefined")
      return;
    this.channel = new BroadcastChannel(this.key);
    this.channel.onmessage = (message: MessageEvent<Claim>) => {
      this.dispute(message.data);
    };
    this.claim();
  }

  private claim(): void {
    if (this.pid === undefined) return;
    this.channel?.postMessage({ pid: this.pid, ticket: this.ticket } satisfies Claim);
  }

  /** Answer another tab that claims the same pid: the tab with the higher ticket keeps it. */
  private dispute(claim: Claim): void {
    if (claim.pid !== this.pid) return;
    if (this.ticket > claim.ticket) {
      this.claim();
    } else {
      this.lost = this.pid; // also if the answer to our CONNECT is on its way
      this.forget();
    }
  }

  private listen(name: string, listener: () => void): void {
    this.page?.addEventListener(name, listener);
    this.undo.push(() => this.page?.removeEventListener(name, listener));
  }

  /** Use the storage, which may be full or forbidden: then a reload is a first connect. */
  private attempt<T>(action: (storage: KeyValue) => T): T | null {
    try {
      return this.storage === null ? null : action(this.storage);
    } catch {
      return null;
    }
  }
}

function isKept(value: unknown): value is Kept {
  if (typeof value !== "object" || value === null) return false;
  const { pid, offset } = value as Record<string, unknown>;
  return typeof pid === "string" && (offset === undefined || typeof offset === "string");
}

/** The page's storage, or null where there is none or it is forbidden. */
export function pageStorage(): KeyValue | null {
  try {
    return typeof window === "undefined" ? null : window.sessionStorage;
  } catch {
    return null;
  }
}
