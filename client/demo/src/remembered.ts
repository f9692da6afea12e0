/** Who is signed in in this browser, for all its tabs and over a reload: a name and a role, no
 * secret. What the service answers counts; this is for the time before its first answer. */

import type { KeyValue } from "../../src/place";
import type { User } from "./grant";

export const USER_KEY = "ordercast.user";
const LEAVING_KEY = "ordercast.leaving";

export class Remembered {
  private readonly own = new Map<string, string>(); // where the browser forbids storage

  constructor(private readonly storage: KeyValue | null) {}

  user(): User | null {
    try {
      const value: unknown = JSON.parse(this.get(USER_KEY) ?? "null");
      return isUser(value) ? value : null;
    } catch {
      return null;
    }
  }

  setUser(user: User | null): void {
    this.set(USER_KEY, user === null ? null : JSON.stringify(user));
  }

  /** Whether the service has yet to be told of a logout. */
  isLeaving(): boolean {
    return this.get(LEAVING_KEY) !== null;
  }

  setLeaving(leaving: boolean): void {
    this.set(LEAVING_KEY, leaving ? "1" : null);
  }

  private get(key: string): string | null {
    try {
      if (this.storage !== null) return this.storage.getItem(key);
    } catch {
      // Forbidden: this page's own memory.
    }
    return this.own.get(key) ?? null;
  }

  private set(key: string, value: string | null): void {
    if (value === null) this.own.delete(key);
    else this.own.set(key, value);
    try {
      if (value === null) this.storage?.removeItem(key);
      else this.storage?.setItem(key, value);
    } catch {
      // Forbidden or full: a reload signs out.
    }
  }
}

function isUser(value: unknown): value is User {
  if (typeof value !== "object" || value === null) return false;
  const { id, email, name, role } = value as Record<string, unknown>;
  return [id, email, name].every((one) => typeof one === "string") && ROLES.has(role);
}

const ROLES: ReadonlySet<unknown> = new Set(["customer", "seller", "admin"] satisfies User["role"][]);
