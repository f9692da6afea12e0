/** The calls of the service that these pages make, with the session's token. */

import { ApiError, request, type Answer, type Options } from "./http";
import { expire, freshToken } from "./session";
import type { Order, ProductView, Status } from "../../src/events";

export type Product = ProductView;

const PAGE = 100; // the most that a list gives at once

async function call<T>(method: string, path: string, options: Options = {}): Promise<Answer<T>> {
  const token = await freshToken();
  try {
    return await request<T>(method, path, { ...options, token });
  } catch (error) {
    if (!(error instanceof ApiError && error.code === "token_expired")) throw error;
    expire(token); // this machine's clock goes wrong, or it slept
    return request<T>(method, path, { ...options, token: await freshToken() });
  }
}

export async function products(sellerId?: string): Promise<Product[]> {
  const query = sellerId === undefined ? "" : `&sellerId=${encodeURIComponent(sellerId)}`;
  return (await call<{ products: Product[] }>("GET", `/api/products?limit=${PAGE}${query}`)).data
    .products;
}

export async function orders(): Promise<Order[]> {
  return (await call<{ orders: Order[] }>("GET", `/api/orders?limit=${PAGE}`)).data.orders;
}

export async function placeOrder(
  items: { productId: string; quantity: number }[],
  idempotencyKey: string,
): Promise<Order> {
  return (await call<Order>("POST", "/api/orders", { body: { items }, idempotencyKey })).data;
}

export async function moveOrder(order: Order, status: Status): Promise<Order> {
  const path = `/api/orders/${encodeURIComponent(order.id)}/status`;
  return (await call<Order>("PATCH", path, { body: { status, version: order.version } })).data;
}

export async function setStock(productId: string, stock: number): Promise<Product> {
  const path = `/api/products/${encodeURIComponent(productId)}/stock`;
  return (await call<Product>("POST", path, { body: { stock }, idempotencyKey: newKey() })).data;
}

export async function notify(
  userId: string,
  title: string,
  message: string,
  idempotencyKey: string,
): Promise<void> {
  const body = { userId, title, message, type: "info" };
  await call("POST", "/api/notifications", { body, idempotencyKey });
}

/** What makes a repeat of one attempt harmless. */
export function newKey(): string {
  // Not randomUUID: that one is missing on a page that came over plain HTTP.
  return [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
}

/** What went wrong, for a person. */
export function reason(error: unknown): string {
  if (!(error instanceof ApiError)) return "Something went wrong on this page.";
  switch (error.code) {
    case "network":
      return "The service cannot be reached. Try again in a moment.";
    case "version_conflict":
    case "invalid_transition":
      return "Somebody else has moved this order meanwhile.";
    case "out_of_stock":
      return "There are not enough left of that. The stock shown is up to date again.";
    case "invalid_credentials":
      return "No account with this address and password.";
    default:
      return error.message;
  }
}
