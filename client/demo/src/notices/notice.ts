/** A notification on the page: of the list, or one that arrived and is in none. */

import type { NotificationView } from "../../../src/events";
import type { Arrival } from "./arrivals";

export interface Notice {
  readonly key: string;
  readonly title: string;
  readonly message: string;
  readonly at: string | null; // null: before this browser was here
  readonly isRead: boolean;
  readonly id: string | null; // in the list of the service; null: there it is not
}

/** The newest first; at the end those of an unknown time. */
export function merged(
  listed: readonly NotificationView[],
  arrivals: readonly Arrival[],
  toRead: readonly string[] = [],
): Notice[] {
  const all = [
    ...arrivals.map(({ key, title, message, at, isRead }): Notice => ({ key, title, message, at, isRead, id: null })),
    ...listed.map(noticeOf).map((one) => (one.id !== null && toRead.includes(one.id) ? { ...one, isRead: true } : one)),
  ];
  const time = ({ at }: Notice) => (at === null ? -Infinity : Date.parse(at));
  // Of two of the same moment the order stays; two of no time are as one.
  return all.sort((one, other) => (time(one) === time(other) ? 0 : time(other) - time(one)));
}

export function noticeOf({ id, title, message, createdAt, readAt }: NotificationView): Notice {
  return { key: `listed-${id}`, title, message, at: createdAt, isRead: readAt !== null, id };
}

