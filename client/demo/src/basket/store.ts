/** The basket of a user in this browser. */

import { perUser, type Shape, type Stored } from "../stored";
import { EMPTY, type Basket, type Group, type Line } from "./basket";

export type BasketStore = Stored<Basket>;

export const BASKET: Shape<Basket> = {
  empty: EMPTY,
  isEmpty: (basket) => basket.groups.length === 0,
  isValid: (found): found is Basket => {
    const groups: unknown = (found as Partial<Basket> | null)?.groups;
    return Array.isArray(groups) && groups.every(isGroup);
  },
};

export const basketOf = perUser("basket", BASKET);

function isGroup(value: unknown): value is Group {
  if (typeof value !== "object" || value === null) return false;
  const { seller, lines, attempt, refusal } = value as Partial<Group>;
  return (
    typeof seller?.id === "string" &&
    typeof seller.name === "string" &&
    Array.isArray(lines) &&
    lines.every(isLine) &&
    (attempt === null ||
      (typeof attempt?.key === "string" && typeof attempt.since === "number" && Array.isArray(attempt.items))) &&
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
