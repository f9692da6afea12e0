/** A value in this browser's storage: it outlives the page, and all tabs have the same one. */

/** The part of `localStorage` that is used. */
export type Storing = Pick<Storage, "getItem" | "setItem" | "removeItem">;

export interface Shape<Value> {
  readonly empty: Value;
  readonly isEmpty: (value: Value) => boolean; // then nothing is stored
  readonly isValid: (found: unknown) => found is Value; // another release may have stored another shape
}

export class Stored<Value> {
  private text: string | null = null;
  private value: Value;
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly key: string,
    private readonly shape: Shape<Value>,
    private readonly storage: Storing | null,
  ) {
    this.value = shape.empty;
    this.read();
  }

  readonly state = (): Value => this.value;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Change what is stored now, and return it: another tab may have changed it. */
  readonly change = (change: (value: Value) => Value): Value => {
    const before = this.value;
    this.read();
    const next = change(this.value);
    if (next !== this.value) {
      this.value = next;
      this.write();
    }
    if (next !== before) this.tell();
    return next;
  };

  /** Another tab has written this key; null: all keys. */
  readonly refresh = (key: string | null): void => {
    if (key !== null && key !== this.key) return;
    const before = this.value;
    this.read();
    if (this.value !== before) this.tell();
  };

  private read(): void {
    try {
      if (this.storage === null) return;
      const text = this.storage.getItem(this.key);
      if (text === this.text) return;
      this.text = text;
      this.value = this.valueIn(text);
    } catch {
      // Forbidden: then the value is this page's alone.
    }
  }

  private valueIn(text: string | null): Value {
    try {
      const found: unknown = JSON.parse(text ?? "null");
      return this.shape.isValid(found) ? found : this.shape.empty;
    } catch {
      return this.shape.empty;
    }
  }

  private write(): void {
    const text = this.shape.isEmpty(this.value) ? null : JSON.stringify(this.value);
    try {
      if (text === null) this.storage?.removeItem(this.key);
      else this.storage?.setItem(this.key, text);
      this.text = text;
    } catch {
      // Full or forbidden: then the value ends with the page.
    }
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}

/** One value for each user, with the events of other tabs. */
export function perUser<Value>(name: string, shape: Shape<Value>): (userId: string) => Stored<Value> {
  const made = new Map<string, Stored<Value>>();
  return (userId) => {
    let stored = made.get(userId);
    if (stored === undefined) {
      stored = new Stored(`ordercast.${name}.${userId}`, shape, pageStorage());
      made.set(userId, stored);
      const { refresh } = stored;
      addEventListener("storage", (event) => {
        refresh(event.key);
      });
    }
    return stored;
  };
}

function pageStorage(): Storing | null {
  try {
    return localStorage;
  } catch {
    return null;
  }
}
