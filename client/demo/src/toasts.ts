/** The messages that come and go. One with the key of another takes its place. */

import { useSyncExternalStore, type ReactNode } from "react";

export interface Toast {
  id: number;
  kind: "info" | "order" | "stock" | "error";
  title: ReactNode; // names in it are isolated
  message: ReactNode;
  key: string;
  count: number;
}

type New = Pick<Toast, "kind" | "title" | "message"> & { key?: string; counts?: boolean };

const STAY_MS = 7_000;
const MOST = 3;

let toasts: readonly Toast[] = [];
let lastId = 0;
const timers = new Map<number, ReturnType<typeof setTimeout>>();
const listeners = new Set<() => void>();

/** Show a message. `counts`: it says how many of its key it stands for. */
export function show({ counts = false, ...message }: New): void {
  lastId += 1;
  const key = message.key ?? `${lastId}`;
  const same = toasts.find((toast) => toast.key === key);
  const count = counts ? (same?.count ?? 0) + 1 : 1;
  const toast: Toast = { ...message, key, id: same?.id ?? lastId, count };
  change(
    same === undefined
      ? [...toasts, toast].slice(-MOST)
      : toasts.map((one) => (one === same ? toast : one)),
  );
  linger(toast.id);
}

export function dismiss(id: number): void {
  hold(id);
  change(toasts.filter((toast) => toast.id !== id));
}

export function clear(): void {
  for (const { id } of toasts) hold(id);
  change([]);
}

/** While somebody points at it, it stays. */
export function hold(id: number): void {
  clearTimeout(timers.get(id));
  timers.delete(id);
}

export function linger(id: number): void {
  hold(id);
  timers.set(
    id,
    setTimeout(() => {
      dismiss(id);
    }, STAY_MS),
  );
}

export function useToasts(): readonly Toast[] {
  return useSyncExternalStore(subscribe, () => toasts);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function change(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}
