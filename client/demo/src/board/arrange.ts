/** The places of a column's tickets, which do not change under a pointer or the focus. */

import { isAfter } from "../../../src/index";
import { FLOW, type Order, type Status } from "../orders";

/** A column: a status of the flow, or how orders end early. */
export const COLUMNS = [...FLOW, "closed"] as const;
export type Step = (typeof COLUMNS)[number];

export interface Item {
  readonly id: string;
}

export interface Arrangement<T extends Item> {
  readonly slots: readonly Slot<T>[];
  readonly waiting: number; // items that belong above what is shown
}

export interface Slot<T extends Item> {
  readonly item: T; // as it was here, if it is gone
  readonly gone: boolean; // a gap in its place
}

const NEVER = "9999"; // after each expiresAt

export const NOTHING: Arrangement<never> = { slots: [], waiting: 0 };

export function stepOf(status: Status): Step {
  return status === "cancelled" || status === "refunded" ? "closed" : status;
}

/** Columns of finished orders begin with the latest; in the others the oldest is the next to go. */
export function isLatestFirst(step: Step): boolean {
  return step === "delivered" || step === "closed";
}

/** Each column's orders, sorted. */
export function columnsOf(orders: readonly Order[]): Record<Step, readonly Order[]> {
  const columns: Record<Step, Order[]> = {
    pending: [],
    confirmed: [],
    processing: [],
    shipped: [],
    delivered: [],
    closed: [],
  };
  for (const order of orders) columns[stepOf(order.status)].push(order);
  for (const step of COLUMNS) columns[step].sort(isLatestFirst(step) ? byChange : byAge);
  return columns;
}

/** The arrangement after `before` for these sorted items; the same object if nothing changes.
 * `held` (a pointer or the focus is in the column): items keep their places, an item that leaves has
 * a gap in its place, and arrivals go to the end. With `latestFirst` arrivals would go to the top:
 * they wait, except the item with the focus (`own`). */
export function arrange<T extends Item>(
  before: Arrangement<T>,
  items: readonly T[],
  { held, latestFirst, own }: { held: boolean; latestFirst: boolean; own: string | null },
): Arrangement<T> {
  if (!held) return same(before, { slots: items.map(here), waiting: 0 });
  const wanted = new Map(items.map((item) => [item.id, item]));
  const known = new Set(before.slots.map(({ item }) => item.id));
  const kept = before.slots.map(({ item }) => {
    const now = wanted.get(item.id);
    return now === undefined ? { item, gone: true } : here(now);
  });
  const came = items.filter(({ id }) => !known.has(id));
  if (!latestFirst) return same(before, { slots: [...kept, ...came.map(here)], waiting: 0 });
  const first = came.filter(({ id }) => id === own);
  return same(before, { slots: [...first.map(here), ...kept], waiting: came.length - first.length });
}

/** Whether all items of before are where they were: arrivals at the end move none. */
export function isPrefix<T extends Item>(before: Arrangement<T>, after: Arrangement<T>): boolean {
  return before.slots.every(({ item }, index) => after.slots[index]?.item.id === item.id);
}

function here<T extends Item>(item: T): Slot<T> {
  return { item, gone: false };
}

function same<T extends Item>(before: Arrangement<T>, after: Arrangement<T>): Arrangement<T> {
  const isSame =
    before.waiting === after.waiting &&
    before.slots.length === after.slots.length &&
    before.slots.every(
      ({ item, gone }, index) => after.slots[index]?.item === item && after.slots[index].gone === gone,
    );
  return isSame ? before : after;
}

/** The first to be cancelled by itself, then the oldest. */
function byAge(one: Order, other: Order): number {
  const [end, otherEnd] = [one.expiresAt ?? NEVER, other.expiresAt ?? NEVER];
  if (end !== otherEnd) return end < otherEnd ? -1 : 1;
  return isAfter(one.id, other.id) ? 1 : -1;
}

function byChange(one: Order, other: Order): number {
  if (one.updatedAt === other.updatedAt) return byAge(other, one);
  return one.updatedAt < other.updatedAt ? 1 : -1;
}
