/** The places of a column's tickets, which do not change under a pointer or the focus. */

import { isAfter } from "../../../src/index";
import { FLOW, type Order, type Status } from "../orders";

/** A column: a status of the flow, or how orders end early. */
export const COLUMNS = [...FLOW, "closed"] as const;
export type Step = (typeof COLUMNS)[number];

export interface Arrangement {
  readonly slots: readonly Slot[];
  readonly waiting: number; // orders that belong above what is shown
}

export interface Slot {
  readonly id: string;
  readonly gone: boolean; // a gap where the order was
}

export const NOTHING: Arrangement = { slots: [], waiting: 0 };

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

/** The arrangement after `before` for these sorted ids; the same object if nothing changes.
 * `held` (a pointer or the focus is in the column): tickets keep their places, an order that leaves
 * has a gap in its place, and arrivals go to the end. With `latestFirst` arrivals would go to the
 * top: they wait, except the order with the focus (`own`). */
export function arrange(
  before: Arrangement,
  ids: readonly string[],
  { held, latestFirst, own }: { held: boolean; latestFirst: boolean; own: string | null },
): Arrangement {
  if (!held) return same(before, { slots: ids.map(here), waiting: 0 });
  const wanted = new Set(ids);
  const known = new Set(before.slots.map(({ id }) => id));
  const kept = before.slots.map((slot) =>
    slot.gone === wanted.has(slot.id) ? { ...slot, gone: !slot.gone } : slot,
  );
  const came = ids.filter((id) => !known.has(id));
  if (!latestFirst) return same(before, { slots: [...kept, ...came.map(here)], waiting: 0 });
  const first = came.filter((id) => id === own);
  return same(before, { slots: [...first.map(here), ...kept], waiting: came.length - first.length });
}

/** Whether all tickets of before are where they were: arrivals at the end move none. */
export function isPrefix(before: Arrangement, after: Arrangement): boolean {
  return before.slots.every(({ id }, index) => after.slots[index]?.id === id);
}

function here(id: string): Slot {
  return { id, gone: false };
}

function same(before: Arrangement, after: Arrangement): Arrangement {
  const isSame =
    before.waiting === after.waiting &&
    before.slots.length === after.slots.length &&
    before.slots.every(
      ({ id, gone }, index) => after.slots[index]?.id === id && after.slots[index].gone === gone,
    );
  return isSame ? before : after;
}

function byAge(one: Order, other: Order): number {
  return isAfter(one.id, other.id) ? 1 : -1;
}

function byChange(one: Order, other: Order): number {
  if (one.updatedAt === other.updatedAt) return byAge(other, one);
  return one.updatedAt < other.updatedAt ? 1 : -1;
}
