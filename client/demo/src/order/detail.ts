/** An order with all that happened to it, as it is now. */

import { ApiError, type Connection, type Reducers } from "../../../src/index";
import type { Order, Status } from "../orders";

export interface Move {
  readonly version: number;
  readonly status: Status;
  readonly at: string;
  readonly by: By | null; // null: it was not kept
}

export interface By {
  readonly kind: "customer" | "seller" | "admin" | "expiry";
  readonly id: string | null;
  readonly name: string | null;
}

export interface Detail {
  readonly order: Order;
  readonly moves: readonly Move[]; // the earliest first
}

/** null: there is no such order, or it is somebody else's. The offset is that of the first read. */
export function detail(id: string) {
  const path = `/api/orders/${encodeURIComponent(id)}`;
  return async (connection: Connection): Promise<{ items: Detail | null; offset: string | undefined }> => {
    try {
      const { body: order, offset } = await connection.request<Order>("GET", path);
      const { body } = await connection.request<{ moves: readonly Move[] }>("GET", `${path}/timeline`);
      return { items: { order, moves: body.moves }, offset };
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return { items: null, offset: "0" };
      throw error;
    }
  };
}

/** What the events say of this order. Its timeline is read again: they do not say by whom. */
export function changes(id: string): Reducers<Detail | null> {
  return {
    "order:status": (value, event) =>
      value === null || event.id !== id ? value : { ...value, order: withStatus(value.order, event.status) },
    "order:new": (value, order) =>
      value === null || order.id !== id || order.version < value.order.version ? value : { ...value, order },
  };
}

/** The order after a move that is known by its status alone. No status comes twice: the same one is
 * an answer's whose event comes later. */
export function withStatus(order: Order, status: Status): Order {
  if (order.status === status) return order;
  return { ...order, status, version: order.version + 1, expiresAt: status === "pending" ? order.expiresAt : null };
}
