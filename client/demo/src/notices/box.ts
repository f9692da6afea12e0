/** The arrivals of a user in this browser, also those that came while no page was open and that the
 * journal still has. */

import type { Notification, NotificationView } from "../../../src/events";
import { isAfter, type Connection } from "../../../src/index";
import { newKey } from "../api";
import { perUser, type Stored } from "../stored";
import { arrived, isArrivals, marked, matched, NONE, passed, read, type Arrivals } from "./arrivals";

const AGAIN_MS = 10_000; // after a failure

interface Missed {
  readonly events: readonly { offset: string; name: string; data: unknown }[];
  readonly offset: string;
  readonly complete: boolean;
}

const storeOf = perUser<Arrivals>("notices", { empty: NONE, isEmpty: (box) => box === NONE, isValid: isArrivals });

export class Box {
  readonly subscribe: Stored<Arrivals>["subscribe"];
  readonly state: Stored<Arrivals>["state"];
  private readonly tab = newKey();
  private isWhole = false; // every event since the mark was seen, or will be
  private latest: string | undefined; // offset of an event over the connection
  private readonly live = new Set<string>(); // offsets that came over it while others were missing

  constructor(private readonly store: Stored<Arrivals>) {
    this.subscribe = store.subscribe;
    this.state = store.state;
  }

  receive(notification: Notification, offset: string | undefined): void {
    const come = { key: newKey(), offset: offset ?? null, at: new Date().toISOString(), tab: this.tab };
    this.store.change((box) => {
      const after = arrived(box, notification, come);
      // While events of before are missing, the mark stays before them.
      return this.isWhole || after === box ? after : { ...after, mark: box.mark };
    });
    if (!this.isWhole && offset !== undefined) this.live.add(offset);
    this.pass(offset);
  }

  /** An event of any name, all before it were seen. */
  pass(offset: string | undefined): void {
    if (offset !== undefined && isAfter(offset, this.latest)) this.latest = offset;
  }

  match(list: readonly NotificationView[]): void {
    this.store.change((box) => matched(box, list, Date.now(), this.isWhole));
  }

  read(key: string): void {
    this.store.change((box) => read(box, key));
  }

  /** The list has it as read. */
  mark(id: string): void {
    this.store.change((box) => marked(box, id));
  }

  /** Store up to where events were seen: the page is left. */
  keep(): void {
    const { latest } = this;
    if (this.isWhole && latest !== undefined) this.store.change((box) => passed(box, latest));
  }

  /** Ask for what came since the mark. Rejects with ApiError or NetworkError. */
  async catchUp(connection: Connection): Promise<void> {
    this.isWhole = false;
    const { mark } = this.store.state();
    // The first time every event of the journal is news. In a list of more than one page the
    // notifications that they belong to are not known.
    const isKnown = mark !== null || (await hasOnePage(connection));
    const { body } = await connection.request<Missed>("GET", `/api/events?after=${mark ?? "0"}`);
    const at = mark === null ? null : new Date().toISOString();
    this.store.change((box) => {
      let after = box;
      for (const { offset, name, data } of isKnown ? body.events : [])
        if (name === "notification" && !this.live.has(offset))
          after = arrived(after, data as Notification, { key: newKey(), offset, at, tab: this.tab });
      const last = isAfter(this.latest ?? "0", body.offset) ? (this.latest ?? "0") : body.offset;
      return passed({ ...after, alone: after.alone.map((one) => ({ ...one, since: Date.now() })) }, last);
    });
    this.live.clear();
    this.isWhole = true;
  }
}

/** Keep the box whole while there is this connection; returns the undo. */
export function follow(box: Box, connection: Connection): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isFirst = true;
  let ended = false;
  const ask = async (): Promise<void> => {
    clearTimeout(timer);
    isFirst = false;
    try {
      await box.catchUp(connection);
    } catch {
      if (!ended) timer = setTimeout(() => void ask(), AGAIN_MS);
    }
  };
  const undo = connection.onLive((recovered) => {
    if (isFirst || !recovered) void ask();
  });
  const keep = () => {
    box.keep();
  };
  addEventListener("pagehide", keep);
  if (connection.state().state === "live") void ask();
  return () => {
    ended = true;
    clearTimeout(timer);
    removeEventListener("pagehide", keep);
    undo();
  };
}

async function hasOnePage(connection: Connection): Promise<boolean> {
  const { body } = await connection.request<{ nextCursor: string | null }>("GET", "/api/notifications?limit=100");
  return body.nextCursor === null;
}

const boxes = new Map<string, Box>();

export function boxOf(userId: string): Box {
  let box = boxes.get(userId);
  if (box === undefined) boxes.set(userId, (box = new Box(storeOf(userId))));
  return box;
}
