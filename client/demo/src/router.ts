/** The address of the page: links within the pages change it without a load. */

import { useSyncExternalStore } from "react";

// The service opens these pages there; every other address is the service's own.
const PAGES = /^\/(?:(?:shop|orders|notifications|board|sales|stock|write|admin)(?:\/|$)|$)/;
const listeners = new Set<() => void>();

/** The path, "/orders/12". */
export function usePath(): string {
  return useSyncExternalStore(subscribe, () => location.pathname);
}

/** The id of the order that this path is about. */
export function orderIn(path: string): string | null {
  const id = /^\/orders\/([^/]+)$/.exec(path)?.[1];
  return id === undefined ? null : decoded(id);
}

export function orderPath(id: string): string {
  return `/orders/${encodeURIComponent(id)}`;
}

export function go(path: string): void {
  if (path === location.pathname) return;
  history.pushState(null, "", path);
  scrollTo(0, 0);
  tell();
}

/** Once, when the page starts. */
export function startRouter(): void {
  rename();
  addEventListener("popstate", tell);
  addEventListener("hashchange", () => {
    rename();
    tell();
  });
  document.addEventListener("click", follow);
}

/** Bookmarks of before: "/#/orders" is "/orders". */
function rename(): void {
  if (location.hash.startsWith("#/")) history.replaceState(null, "", location.hash.slice(1));
}

function follow(event: MouseEvent): void {
  const isPlain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) && event.button === 0;
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (link === null || !isPlain || event.defaultPrevented) return;
  if (link.origin !== location.origin || link.target !== "" || link.hasAttribute("download")) return;
  if (!isPage(link.pathname) || link.getAttribute("href")?.startsWith("#") === true) return;
  event.preventDefault();
  go(link.pathname);
}

export function isPage(path: string): boolean {
  return PAGES.test(path);
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(): void {
  for (const listener of listeners) listener();
}
