/** The customer's orders: pages that are joined, and moves that say a status only. */
import { expect, test } from "vitest";

import { changes } from "../demo/src/order/detail";
import { joined, moved } from "../demo/src/order/pages";
import { isPage, orderIn, orderPath } from "../demo/src/router";
import type { Order } from "../src";

const order = (id: string, changed: Partial<Order> = {}): Order => ({
  id,
  orderNumber: `OC-${id}`,
  status: "pending",
  user: { id: "1", name: "Alice" },
  seller: { id: "2", name: "Bob" },
  items: [],
  totalCents: 0,
  currency: "EUR",
  version: 1,
  createdAt: "2026-01-01T00:00:00Z",
  updatedAt: "2026-01-01T00:00:00Z",
  expiresAt: "2026-01-01T00:30:00Z",
  ...changed,
});
const ids = ({ orders }: { orders: readonly Order[] }) => orders.map(({ id }) => id).join(" ");

test("an older page comes behind, without the order that is in both", () => {
  const page = { orders: [order("9"), order("8")], nextCursor: "c8" };
  const more = { orders: [order("8"), order("7")], nextCursor: null };
  const both = joined(page, "c8", more);
  expect([ids(both), both.nextCursor]).toEqual(["9 8 7", null]);
  expect(joined(page, "c9", more)).toBe(page); // the list was read again meanwhile
});

test("a move that is known by its status counts once, whether its answer or its event is first", () => {
  const page = { orders: [order("9"), order("8")], nextCursor: null };
  const once = moved(page, "8", "confirmed");
  expect(once.orders[1]).toMatchObject({ status: "confirmed", version: 2, expiresAt: null });
  expect(moved(once, "8", "confirmed").orders).toEqual(once.orders);
  expect(once.orders[0]).toBe(page.orders[0]);
});

test("an order's page follows this order alone, and goes back to no older version", () => {
  const { "order:status": status, "order:new": upsert } = changes("8");
  const value = { order: order("8", { version: 3, status: "processing" }), moves: [] };
  expect(status?.(value, { id: "9", orderNumber: "OC-9", status: "shipped" }, "1")).toBe(value);
  expect(upsert?.(value, order("9", { version: 7 }), "1")).toBe(value);
  expect(upsert?.(value, order("8", { version: 2 }), "1")).toBe(value);
  expect(upsert?.(value, order("8", { version: 4 }), "1")?.order.version).toBe(4);
  expect(status?.(null, { id: "8", orderNumber: "OC-8", status: "shipped" }, "1")).toBeNull();
});

test("the address of an order holds its id, whatever that is", () => {
  for (const id of ["12", "a/b", "100 %"]) expect(orderIn(orderPath(id))).toBe(id);
  for (const path of ["/orders", "/orders/", "/orders/1/2", "/shop"]) expect(orderIn(path)).toBeNull();
  expect(orderIn("/orders/%")).toBe("%");
});

test("a link to the service's own addresses leaves the pages", () => {
  for (const path of ["/", "/shop", "/orders", "/orders/12", "/admin"]) expect(isPage(path)).toBe(true);
  for (const path of ["/docs", "/docs/", "/api/orders", "/readyz", "/ordersx", "/anything"])
    expect(isPage(path)).toBe(false);
});
