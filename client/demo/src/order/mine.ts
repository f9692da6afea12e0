/** The customer's orders, the newest first: the pages that were asked for, as they are now. */

import type { Connection } from "../../../src/index";
import { orderPage, ORDERS_PATH, type OrderPage } from "../api";
import { live, withOrder } from "../live";
import { joined, moved } from "./pages";

const PAGE = 50; // orders
const depths = new WeakMap<Connection, number>(); // pages that are shown

export const mine = live(read, {
  "order:placed": (page, order) => ({ ...page, orders: withOrder(order)(page.orders) }),
  "order:status": (page, { id, status }) => moved(page, id, status),
});

/** Show the page after these as well. Rejects with ApiError or NetworkError. */
export async function older(connection: Connection, { nextCursor }: OrderPage): Promise<void> {
  if (nextCursor === null) return;
  const more = await orderPage(`limit=${PAGE}`, nextCursor);
  depths.set(connection, (depths.get(connection) ?? 1) + 1);
  mine.change((page) => joined(page, nextCursor, more));
}

async function read(connection: Connection) {
  const first = await connection.request<OrderPage>("GET", `${ORDERS_PATH}?limit=${PAGE}`);
  let { body } = first;
  for (let depth = depths.get(connection) ?? 1; depth > 1 && body.nextCursor !== null; depth -= 1) {
    const more = await orderPage(`limit=${PAGE}`, body.nextCursor);
    body = joined(body, body.nextCursor, more);
  }
  return { items: body, offset: first.offset };
}
