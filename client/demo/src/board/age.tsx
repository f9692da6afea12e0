/** How old an order is, and when it is cancelled by itself. */

import { useSyncExternalStore, type JSX } from "react";
import { full, moment, number } from "../format";
import type { Order } from "../orders";
import { isLatestFirst, stepOf } from "./arrange";

const TICK_MS = 10_000;
const SOON_MINUTES = 5;

/** The age while the order is worked on; when it was placed, once it is done. */
export function Age({ order }: { order: Order }): JSX.Element {
  const now = useNow();
  const isDone = isLatestFirst(stepOf(order.status));
  return (
    <time className="quiet small number" dateTime={order.createdAt} title={full(order.createdAt)}>
      {isDone ? moment(order.createdAt) : span(now - new Date(order.createdAt).getTime())}
    </time>
  );
}

export function Deadline({ order }: { order: Order }): JSX.Element | null {
  const now = useNow();
  if (order.expiresAt === null) return null;
  const left = new Date(order.expiresAt).getTime() - now;
  const minutes = Math.ceil(left / 60_000);
  return (
    <p
      className="deadline small number"
      data-soon={minutes <= SOON_MINUTES || undefined}
      title="A pending order is cancelled by itself when its time is over."
    >
      {minutes > 0 ? `Expires in ${span(left)}` : "Its time is over"}
    </p>
  );
}

/** "12 min", "3 h", "2 d": rounded up, and never nothing. */
function span(ms: number): string {
  const minutes = Math.max(1, Math.ceil(ms / 60_000));
  if (minutes < 100) return `${number(minutes)} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${number(hours)} h` : `${number(Math.round(hours / 24))} d`;
}

let now = Date.now();
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

/** One clock for all tickets. */
function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (timer === undefined) {
    now = Date.now();
    timer = setInterval(tick, TICK_MS);
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

function tick(): void {
  now = Date.now();
  for (const listener of listeners) listener();
}
