/** Notifications that arrived as events and are in no list of the service, as those of scripts.
 *
 * An event has no id of a notification: a notification of the list and an event of the same text
 * belong together, each with one of the other, whichever is here first. */

import type { Notification, NotificationView } from "../../../src/events";
import { isAfter } from "../../../src/index";

const MOST = 100; // that are kept
const PAIR_MS = 60_000; // in which the event of a listed notification comes
const TABS_MS = 5_000; // in which all tabs get an event that has no offset

export interface Arrival extends Notification {
  readonly key: string;
  readonly offset: string | null; // null: it was emitted around the journal
  readonly at: string | null; // when it came; null: before this browser was here
  readonly tab: string; // which got it
  readonly isRead: boolean;
}

export interface Arrivals {
  readonly mark: string | null; // the offset up to which every event was seen here
  readonly high: string; // the newest id of the list that was seen
  readonly alone: readonly Alone[];
  readonly toRead: readonly string[]; // ids of the list that are to be marked as read
  readonly arrivals: readonly Arrival[]; // the newest first
}

/** A notification of the list whose event was not seen yet. */
interface Alone {
  readonly text: string;
  readonly since: number; // milliseconds
}

export const NONE: Arrivals = { mark: null, high: "0", alone: [], toRead: [], arrivals: [] };

type Come = Pick<Arrival, "key" | "offset" | "at" | "tab">;

export function arrived(box: Arrivals, { title, message, type }: Notification, come: Come): Arrivals {
  const notification = { title, message, type };
  if (come.offset !== null && !isAfter(come.offset, box.mark ?? undefined)) return box;
  if (come.offset === null && isAnotherTabs(box, notification, come)) return box;
  const mark = come.offset ?? box.mark;
  const pair = box.alone.findIndex((one) => one.text === textOf(notification));
  if (pair !== -1) return { ...box, mark, alone: box.alone.filter((_, index) => index !== pair) };
  const arrival: Arrival = { ...notification, ...come, isRead: false };
  return { ...box, mark, arrivals: [arrival, ...box.arrivals].slice(0, MOST) };
}

/** Take out what the list has as well. `isWhole`: no event of before is still to come. */
export function matched(box: Arrivals, list: readonly NotificationView[], now: number, isWhole: boolean): Arrivals {
  const news = list.filter((one) => isAfter(one.id, box.high)).reverse();
  let { arrivals, toRead } = box;
  const alone = box.alone.filter((one) => !isWhole || now - one.since < PAIR_MS);
  for (const one of news) {
    const pair = arrivals.find((arrival) => textOf(arrival) === textOf(one));
    if (pair === undefined) alone.push({ text: textOf(one), since: now });
    else arrivals = arrivals.filter((arrival) => arrival !== pair);
    if (pair?.isRead === true) toRead = [...toRead, one.id];
  }
  const isSame = news.length === 0 && alone.length === box.alone.length;
  return isSame ? box : { ...box, alone, arrivals, toRead, high: news.at(-1)?.id ?? box.high };
}

/** Every event up to this offset was seen. */
export function passed(box: Arrivals, offset: string): Arrivals {
  return isAfter(offset, box.mark ?? undefined) ? { ...box, mark: offset } : box;
}

export function read(box: Arrivals, key: string): Arrivals {
  return { ...box, arrivals: box.arrivals.map((one) => (one.key === key ? { ...one, isRead: true } : one)) };
}

/** The list has it as read, or has it no more. */
export function marked(box: Arrivals, id: string): Arrivals {
  return { ...box, toRead: box.toRead.filter((one) => one !== id) };
}

function isAnotherTabs({ arrivals }: Arrivals, notification: Notification, { tab, at }: Come): boolean {
  const now = Date.parse(at ?? "");
  return arrivals.some(
    (one) =>
      one.offset === null &&
      one.tab !== tab &&
      textOf(one) === textOf(notification) &&
      now - Date.parse(one.at ?? "") < TABS_MS,
  );
}

function textOf({ title, message, type }: Notification): string {
  return JSON.stringify([title, message, type]);
}

export function isArrivals(found: unknown): found is Arrivals {
  if (typeof found !== "object" || found === null) return false;
  const { mark, high, alone, toRead, arrivals } = found as Partial<Arrivals>;
  return (
    (mark === null || typeof mark === "string") &&
    typeof high === "string" &&
    Array.isArray(alone) &&
    Array.isArray(toRead) &&
    Array.isArray(arrivals) &&
    arrivals.every(({ key, title, message }: Partial<Arrival>) =>
      [key, title, message].every((part) => typeof part === "string"),
    )
  );
}
