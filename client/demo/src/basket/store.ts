/** The basket of a user in this browser: it outlives the page, and all tabs have the same one. */

import { EMPTY, type Basket, type Group, type Line } from "./basket";

/** The part of `localStorage` that is used. */
export type Storing = Pick<Storage, "getItem" | "setItem" | "removeItem">;

export class BasketStore {
  private text: string | null = null;
  private basket = EMPTY;
  private readonly listeners = new Set<() => void>();
  private readonly key: string;

  constructor(
    userId: string,
    private readonly storage: Storing | null,
  ) {
    this.key = `ordercast.basket.${userId}`;
    this.read();
  }

  readonly state = (): Basket => this.basket;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Change what is stored now, and return it: another tab may have changed it. */
  readonly change = (change: (basket: Basket) => Basket): Basket => {
    this.read();
    this.basket = change(this.basket);
    this.write();
    this.tell();
    return this.basket;
  };

  /** Another tab has written. */
  readonly refresh = (key: string | null): void => {
    if (key !== null && key !== this.key) return;
    this.read();
    this.tell();
  };

  private read(): void {
    try {
      if (this.storage === null) return;
      const text = this.storage.getItem(this.key);
      if (text === this.text) return;
      this.text = text;
      this.basket = basketIn(text);
    } catch {
      // Forbidden: then the basket is this page's alone.
    }
  }

  private write(): void {
    const text = this.basket.groups.length === 0 ? null : JSON.stringify(this.basket);
    try {
      if (text === null) this.storage?.removeItem(this.key);
      else this.storage?.setItem(this.key, text);
      this.text = text;
    } catch {
      // Full or forbidden: then the basket ends with the page.
    }
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}

/** The basket in a stored text; of another shape, as of another release, it is empty. */
function basketIn(text: string | null): Basket {
  try {
    const found = JSON.parse(text ?? "null") as Partial<Basket> | null;
    const groups: unknown = found?.groups;
    return Array.isArray(groups) && groups.every(isGroup) ? { groups } : EMPTY;
  } catch {
    return EMPTY;
  }
}

function isGroup(value: unknown): value is Group {
  if (typeof value !== "object" || value === null) return false;
  const { seller, lines, attempt, refusal } = value as Partial<Group>;
  return (
    typeof seller?.id === "string" &&
    typeof seller.name === "string" &&
    Array.isArray(lines) &&
    lines.every(isLine) &&
    (attempt === null || (typeof attempt?.key === "string" && Array.isArray(attempt.items))) &&
    (refusal === null || (Array.isArray(refusal?.short) && Array.isArray(refusal.gone)))
  );
}

function isLine(value: unknown): value is Line {
  if (typeof value !== "object" || value === null) return false;
  const { productId, quantity, name, priceCents, currency } = value as Partial<Line>;
  return (
    typeof productId === "string" &&
    Number.isSafeInteger(quantity) &&
    typeof name === "string" &&
    typeof priceCents === "number" &&
    /^[A-Z]{3}$/.test(currency ?? "")
  );
}

const stores = new Map<string, BasketStore>();

export function basketOf(userId: string): BasketStore {
  let store = stores.get(userId);
  if (store === undefined) {
    store = new BasketStore(userId, pageStorage());
    stores.set(userId, store);
    const { refresh } = store;
    addEventListener("storage", (event) => {
      refresh(event.key);
    });
  }
  return store;
}

function pageStorage(): Storing | null {
  try {
    return localStorage;
  } catch {
    return null;
  }
}
