/** Pages of a list of orders, put together and changed. */

import type { OrderPage } from "../api";
import type { Order, Status } from "../orders";
import { withStatus } from "./detail";

/** `page` with the one behind it. Both may have an order that came between two reads. */
export function joined(page: OrderPage, cursor: string, more: OrderPage): OrderPage {
  if (page.nextCursor !== cursor) return page; // it was read again meanwhile
  const known = new Set(page.orders.map((order) => order.id));
  const orders: Order[] = [...page.orders, ...more.orders.filter((order) => !known.has(order.id))];
  return { orders, nextCursor: more.nextCursor };
}

export function moved(page: OrderPage, id: string, status: Status): OrderPage {
  return { ...page, orders: page.orders.map((order) => (order.id === id ? withStatus(order, status) : order)) };
}
