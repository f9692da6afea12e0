/** People who use the service: alice buys, bob sells. */
import { createHmac, randomUUID } from "node:crypto";

import { inject } from "vitest";

import type { NotificationView, Order, ProductView, Status } from "../src";
import { request } from "../src/http";

export const service = inject("service");

export type Person = {
  readonly id: string;
  readonly token: string;
  readonly role: string;
  call<Body>(method: string, path: string, body?: unknown): Promise<Body>;
};

export async function register(role: "customer" | "seller"): Promise<Person> {
  const email = `${role}-${randomUUID()}@example.com`;
  const password = randomUUID();
  await call("", "POST", "/api/auth/register", { email, password, name: `A ${role}`, role });
  type Login = { accessToken: string; user: { id: string } };
  const login = await call<Login>("", "POST", "/api/auth/login", { email, password });
  const token = login.accessToken;
  return { id: login.user.id, token, role, call: (...given) => call(token, ...given) };
}

async function call<Body>(
  token: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<Body> {
  const given = { method, path, body, token: token === "" ? null : token };
  return (await request<Body>(service.url, given, () => Promise.resolve(null))).body;
}

/** A token with the service's signature for this person, of so many seconds. */
export function tokenFor(person: { id: string; role: string }, seconds = 600): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = { sub: person.id, role: person.role, type: "access", jti: randomUUID() };
  return signed({ ...claims, iat: now, exp: now + seconds });
}

export function signed(claims: object): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const body = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
  return `${body}.${createHmac("sha256", service.secret).update(body).digest("base64url")}`;
}

/** A new product of the seller's. */
export function offer(bob: Person, changes: object = {}): Promise<ProductView> {
  const product = { name: "Tea", priceCents: 250, stock: 100, lowStockThreshold: 2, ...changes };
  return bob.call("POST", "/api/products", product);
}

export function order(alice: Person, product: ProductView, quantity = 1): Promise<Order> {
  return alice.call("POST", "/api/orders", { items: [{ productId: product.id, quantity }] });
}

export function move(bob: Person, { id }: Order, status: Status): Promise<Order> {
  return bob.call("PATCH", `/api/orders/${id}/status`, { status });
}

/** An admin sends this person a notification. */
export function notify(person: Person, title: string): Promise<NotificationView> {
  const note = { userId: person.id, title, message: "You", type: "info" };
  return call(tokenFor({ id: "an-admin", role: "admin" }), "POST", "/api/notifications", note);
}
