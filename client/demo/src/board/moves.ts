/** Moves of orders under way: sent, or still to be undone. Module state, so that a cancellation is
 * sent also when its seller has gone on to another page. */

import { useSyncExternalStore } from "react";
import { currentConnection, sellerOrders, withOrder } from "../../../src/index";
import { moveOrder, reason } from "../api";
import { LABEL, type Order, type Status } from "../orders";
import { say } from "../say";
import { show } from "../toasts";

export const UNDO_SECONDS = 8;
const MAX_CALLS = 4; // at once; a bulk move of hundreds waits here and not in the browser
const REST_MS = 500; // an order takes no press sooner; each early press starts this anew

export interface Moves {
  readonly busy: ReadonlySet<string>; // orders that take no move now
  readonly stops: ReadonlyMap<string, Status>; // orders that end early unless it is undone
}

let moves: Moves = { busy: new Set(), stops: new Map() };
const sending = new Set<string>();
const rests = new Map<string, ReturnType<typeof setTimeout>>();
const waits = new Map<string, { order: Order; timer: ReturnType<typeof setTimeout> }>();
let calls = 0;
const queue: (() => void)[] = [];
const listeners = new Set<() => void>();

export function useMoves(): Moves {
  return useSyncExternalStore(subscribe, () => moves);
}

/** Move an order on, at once. */
export function move(order: Order, to: Status): void {
  if (!isFree(order)) return;
  rest(order.id);
  void send(order, to);
}

/** End an order early, after the seconds in which it can be undone. */
export function stop(order: Order, to: Status): void {
  if (!isFree(order)) return;
  rest(order.id);
  const timer = setTimeout(() => void finish(order.id, to), UNDO_SECONDS * 1000);
  waits.set(order.id, { order, timer });
  say(order.id, `${order.orderNumber}: can be undone for ${UNDO_SECONDS} seconds`);
  change({ stops: new Map(moves.stops).set(order.id, to) });
}

export function undo(order: Order): void {
  if (isResting(order)) return;
  forget(order.id);
  rest(order.id);
  say(order.id, `${order.orderNumber}: nothing is changed`);
}

/** Send all early ends that could still be undone, before the seller signs out. */
export async function finishAll(): Promise<void> {
  await Promise.all([...moves.stops].map(([id, to]) => finish(id, to)));
}

async function finish(id: string, to: Status): Promise<void> {
  const order = waits.get(id)?.order;
  forget(id);
  if (order !== undefined) await send(order, to);
}

function forget(id: string): void {
  clearTimeout(waits.get(id)?.timer);
  waits.delete(id);
  const stops = new Map(moves.stops);
  stops.delete(id);
  change({ stops });
}

async function send(order: Order, to: Status): Promise<void> {
  const connection = currentConnection();
  if (connection === null) return;
  const live = sellerOrders(connection);
  sending.add(order.id);
  tell();
  // At once; the service's answer replaces the guess.
  live.change(withOrder({ ...order, status: to, expiresAt: null, updatedAt: new Date().toISOString() }));
  await turn();
  try {
    live.change(withOrder(await moveOrder(order, to)));
    say(order.id, `${order.orderNumber}: ${LABEL[to]}`);
  } catch (problem) {
    live.change(withOrder(order));
    live.reload();
    show({ kind: "error", title: `${order.orderNumber} was not moved`, message: reason(problem) });
  }
  calls -= 1;
  queue.shift()?.();
  sending.delete(order.id);
  tell();
}

/** Wait until fewer than MAX_CALLS are under way. */
async function turn(): Promise<void> {
  if (calls >= MAX_CALLS) await new Promise<void>((resolve) => queue.push(resolve));
  calls += 1;
}

function isFree(order: Order): boolean {
  return !isResting(order) && !sending.has(order.id) && !waits.has(order.id);
}

/** Whether this press comes too soon after the one before. Some systems repeat a held key as
 * presses of their own: each starts the rest anew. */
function isResting({ id }: Order): boolean {
  if (!rests.has(id)) return false;
  rest(id);
  return true;
}

function rest(id: string): void {
  clearTimeout(rests.get(id));
  rests.set(
    id,
    setTimeout(() => {
      rests.delete(id);
      tell();
    }, REST_MS),
  );
  tell();
}

function tell(): void {
  change({ busy: new Set([...sending, ...rests.keys()]) });
}

function change(next: Partial<Moves>): void {
  moves = { ...moves, ...next };
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Closing the page would drop moves that are not sent: the browser asks. */
addEventListener("beforeunload", (event) => {
  if (moves.stops.size > 0 || sending.size > 0) event.preventDefault();
});
