/** The calls of the service that these pages make, as the user who is signed in. */

import { type Answer, ApiError, type Connection, currentConnection, NetworkError } from "../../src/index";
import type { NotificationView, Order, ProductView, Status } from "../../src/events";

export type Product = ProductView;

export const PAGE = 100; // the most that a list gives at once

/** A snapshot of products: all, or a seller's. */
export function products(sellerId?: string) {
  const query = sellerId === undefined ? "" : `&sellerId=${encodeURIComponent(sellerId)}`;
  return async (connection: Connection) => {
    const path = `/api/products?limit=${PAGE}${query}`;
    const { body, offset } = await connection.request<{ products: readonly Product[] }>("GET", path);
    return { items: body.products, offset };
  };
}

/** These products as they are now: {id: product}, null for those that are not for sale any more. */
export async function productsOf(ids: readonly string[]): Promise<Map<string, Product | null>> {
  const asked = ids.slice(0, PAGE);
  const path = `/api/products?limit=${PAGE}&ids=${asked.map(encodeURIComponent).join(",")}`;
  const { body } = await call<{ products: readonly Product[] }>("GET", path, undefined);
  const found = new Map<string, Product | null>(asked.map((id) => [id, null]));
  for (const product of body.products) found.set(product.id, product);
  return found;
}

export const ORDERS_PATH = "/api/orders";

/** A snapshot of the newest orders that the user may see. */
export async function orders(connection: Connection) {
  const path = `${ORDERS_PATH}?limit=${PAGE}`;
  const { body, offset } = await connection.request<{ orders: readonly Order[] }>("GET", path);
  return { items: body.orders, offset };
}

export interface OrderPage {
  orders: readonly Order[];
  nextCursor: string | null;
}

/** A page of a list of orders; `query` as GET /api/orders takes it. */
export async function orderPage(query: string, cursor: string | null): Promise<OrderPage> {
  const from = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
  return (await call<OrderPage>("GET", `${ORDERS_PATH}?${query}${from}`, undefined)).body;
}

export async function placeOrder(
  items: readonly { productId: string; quantity: number }[],
  idempotencyKey: string,
): Promise<Order> {
  return (await call<Order>("POST", "/api/orders", { items }, idempotencyKey)).body;
}

export async function moveOrder(order: Order, status: Status): Promise<Order> {
  const path = `/api/orders/${encodeURIComponent(order.id)}/status`;
  return (await call<Order>("PATCH", path, { status, version: order.version })).body;
}

export interface ProductChanges {
  name?: string;
  priceCents?: number;
  lowStockThreshold?: number;
  hidden?: boolean;
  picture?: string | null; // base64; null: none any more
}

export async function createProduct(
  product: Omit<ProductChanges, "picture"> & { stock: number },
  idempotencyKey: string,
): Promise<Product> {
  return (await call<Product>("POST", "/api/products", product, idempotencyKey)).body;
}

export async function updateProduct(id: string, changes: ProductChanges): Promise<Product> {
  return (await call<Product>("PATCH", `/api/products/${encodeURIComponent(id)}`, changes)).body;
}

/** Add to a product's stock, or take from it. */
export async function changeStock(productId: string, delta: number): Promise<Product> {
  const path = `/api/products/${encodeURIComponent(productId)}/stock`;
  return (await call<Product>("POST", path, { delta }, newKey())).body;
}

export async function notify(
  userId: string,
  title: string,
  message: string,
  idempotencyKey: string,
): Promise<void> {
  const body = { userId, title, message, type: "info", requireAccount: true };
  await call("POST", "/api/notifications", body, idempotencyKey);
}

/** A page of the user's notifications, the newest first. */
export async function notificationPage(cursor: string | null) {
  interface Page {
    notifications: readonly NotificationView[];
    nextCursor: string | null;
  }
  const from = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
  return (await call<Page>("GET", `/api/notifications?limit=${PAGE}${from}`, undefined)).body;
}

/** Any call. Raises ApiError, NetworkError. */
export async function call<Body>(
  method: string,
  path: string,
  body: unknown,
  idempotencyKey?: string,
): Promise<Answer<Body>> {
  const connection = currentConnection();
  if (connection === null) throw new ApiError(401, "authentication_required", "Sign in again.");
  const headers = idempotencyKey === undefined ? {} : { "Idempotency-Key": idempotencyKey };
  return connection.request<Body>(method, path, body, headers);
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
  if (error instanceof NetworkError)
    return "The service cannot be reached. Try again in a moment.";
  if (!(error instanceof ApiError)) return "Something went wrong on this page.";
  switch (error.code) {
    case "version_conflict":
    case "invalid_transition":
      return "Somebody else has moved this order meanwhile.";
    case "out_of_stock":
      return "There are not enough left of what is marked.";
    case "unknown_product":
      return "What is marked is not for sale any more.";
    case "invalid_credentials":
      return "No account with this address and password.";
    default:
      return error.message;
  }
}
