/** What a customer is about to order: from each seller the lines of one order. */

import type { Order } from "../orders";
import type { Product } from "../api";

export interface Line {
  readonly productId: string;
  readonly quantity: number;
  readonly name: string; // as it was when it was put in
  readonly priceCents: number;
  readonly currency: string;
}

export interface Shortage {
  readonly productId: string;
  readonly available: number; // when the order was refused
}

/** An order that was sent. It stays until it is answered: sent again with its key, it is placed once. */
export interface Attempt {
  readonly key: string;
  readonly items: readonly Item[];
  readonly since: number; // milliseconds, when it was sent first
}

export interface Item {
  readonly productId: string;
  readonly quantity: number;
}

/** Why the seller's order was not placed; it stays until it was seen. */
export interface Refusal {
  readonly message: string;
  readonly short: readonly Shortage[];
  readonly gone: readonly string[]; // ids of products that are not for sale any more
}

export interface Group {
  readonly seller: Product["seller"];
  readonly lines: readonly Line[];
  readonly attempt: Attempt | null;
  readonly refusal: Refusal | null;
}

export interface Basket {
  readonly groups: readonly Group[];
}

export const EMPTY: Basket = { groups: [] };

export function quantityOf(basket: Basket, product: Product): number {
  return groupOf(basket, product.seller.id)?.lines.find((line) => line.productId === product.id)?.quantity ?? 0;
}

export function groupOf(basket: Basket, sellerId: string): Group | undefined {
  return basket.groups.find((group) => group.seller.id === sellerId);
}

/** So many of this product; 0: none. What was sent and has no answer cannot be changed. */
export function withProduct(basket: Basket, product: Product, quantity: number): Basket {
  const { seller, id, name, priceCents, currency } = product;
  const group = groupOf(basket, seller.id) ?? { seller, lines: [], attempt: null, refusal: null };
  const line: Line = { productId: id, quantity, name, priceCents, currency };
  const known = group.lines.some((one) => one.productId === id);
  const lines = known ? group.lines.map((one) => (one.productId === id ? line : one)) : [...group.lines, line];
  return withLines(basket, group, lines, id);
}

/** So many of a product that is in the basket. */
export function withQuantity(basket: Basket, sellerId: string, productId: string, quantity: number): Basket {
  const group = groupOf(basket, sellerId);
  if (group === undefined) return basket;
  const lines = group.lines.map((line) => (line.productId === productId ? { ...line, quantity } : line));
  return withLines(basket, group, lines, productId);
}

function withLines(basket: Basket, group: Group, lines: readonly Line[], changed: string): Basket {
  if (group.attempt !== null) return basket;
  const refusal = group.refusal && seen(group.refusal, changed);
  return withGroup(basket, { ...group, refusal, lines: lines.filter((line) => line.quantity > 0) });
}

/** The refusal without what it says of a product, which was changed; null: nothing is left of it. */
function seen(refusal: Refusal, productId: string): Refusal | null {
  const short = refusal.short.filter((one) => one.productId !== productId);
  const gone = refusal.gone.filter((id) => id !== productId);
  const said = refusal.short.length + refusal.gone.length;
  return said > 0 && short.length + gone.length === 0 ? null : { ...refusal, short, gone };
}

export function withoutRefusal(basket: Basket, sellerId: string): Basket {
  const group = groupOf(basket, sellerId);
  return group === undefined ? basket : withGroup(basket, { ...group, refusal: null });
}

/** The seller's order as it is sent: with the key that it was sent with before, if it was. */
export function attempted(basket: Basket, sellerId: string, key: string, now: number): Basket {
  const group = groupOf(basket, sellerId);
  if (group === undefined || group.attempt !== null) return basket;
  const items = group.lines.map(({ productId, quantity }) => ({ productId, quantity }));
  return withGroup(basket, { ...group, attempt: { key, items, since: now }, refusal: null });
}

/** After the answer to this key: the seller's lines are an order now. */
export function placed(basket: Basket, order: Order, key: string): Basket {
  const group = groupOf(basket, order.seller.id);
  return group?.attempt?.key === key ? withGroup(basket, { ...group, lines: [], attempt: null }) : basket;
}

export function refused(basket: Basket, sellerId: string, key: string, refusal: Refusal): Basket {
  const group = groupOf(basket, sellerId);
  return group?.attempt?.key === key ? withGroup(basket, { ...group, attempt: null, refusal }) : basket;
}

function withGroup({ groups }: Basket, group: Group): Basket {
  const isThere = groups.some((one) => one.seller.id === group.seller.id);
  const changed = isThere
    ? groups.map((one) => (one.seller.id === group.seller.id ? group : one))
    : [...groups, group];
  return { groups: changed.filter((one) => one.lines.length > 0) };
}
