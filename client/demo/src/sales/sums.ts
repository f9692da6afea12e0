/** Revenue and numbers of orders, in whole cents and in pieces of time. */

import { day, hour, money } from "../format";
import type { Order } from "../orders";
import { midnight } from "./filter";

export interface Bar {
  name: string; // "14:00" or "27 Nov"
  begin: number; // ms since 1970
  orders: number;
  cents: number;
}

const MAX_HOURS = 25; // a day, also where the clock is set back in it
const HOUR_MS = 3_600_000;

/** Whether an order counts as revenue. */
export function counts({ status }: Order): boolean {
  return status !== "cancelled" && status !== "refunded";
}

/** "€12.30 + $4.00" */
export function revenue(orders: readonly Order[]): string {
  const sums = new Map<string, number>();
  for (const { currency, totalCents } of orders.filter(counts))
    sums.set(currency, (sums.get(currency) ?? 0) + totalCents);
  return [...sums].map(([currency, cents]) => money(cents, currency)).join(" + ") || money(0, "EUR");
}

/** The currency of most orders: a chart has one. */
export function mainCurrency(orders: readonly Order[]): string {
  const numbers = new Map<string, number>();
  for (const { currency } of orders) numbers.set(currency, (numbers.get(currency) ?? 0) + 1);
  return [...numbers].sort(([, one], [, other]) => other - one)[0]?.[0] ?? "EUR";
}

/** A bar for each hour of a day, or for each day. Days without orders have bars of nothing. */
export function bars(orders: readonly Order[], currency: string, from: string, until: string): Bar[] {
  const times = orders.map(({ createdAt }) => new Date(createdAt).getTime());
  const first = from === "" ? Math.min(...times) : midnight(from).getTime();
  const last = until === "" ? Math.max(...times) : midnight(until, 1).getTime() - 1;
  const byHour = last - first < MAX_HOURS * HOUR_MS;
  const beginOf = (time: number) => {
    const at = new Date(time);
    if (byHour) at.setMinutes(0, 0, 0);
    else at.setHours(0, 0, 0, 0);
    return at.getTime();
  };
  const made = new Map<number, Bar>();
  for (let time = first; time <= last; time += HOUR_MS) {
    const begin = beginOf(time);
    if (!made.has(begin)) made.set(begin, { name: (byHour ? hour : day)(begin), begin, orders: 0, cents: 0 });
  }
  for (const order of orders.filter(counts)) {
    const bar = made.get(beginOf(new Date(order.createdAt).getTime()));
    if (bar === undefined) continue;
    bar.orders += 1;
    if (order.currency === currency) bar.cents += order.totalCents;
  }
  return [...made.values()];
}
