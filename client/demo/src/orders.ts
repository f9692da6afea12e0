/** An order's life as the pages show it: the names and the moves. */

import type { Order, Status } from "../../src/events";

export type { Order, Status };

export const FLOW = ["pending", "confirmed", "processing", "shipped", "delivered"] as const;

export const LABEL: Record<Status, string> = {
  pending: "Pending",
  confirmed: "Confirmed",
  processing: "In the works",
  shipped: "Shipped",
  delivered: "Delivered",
  cancelled: "Cancelled",
  refunded: "Refunded",
};

/** What the seller does next, and what ends the order early. The service decides what is allowed. */
export const FORWARD: Partial<Record<Status, { to: Status; verb: string }>> = {
  pending: { to: "confirmed", verb: "Confirm" },
  confirmed: { to: "processing", verb: "Start work" },
  processing: { to: "shipped", verb: "Ship" },
  shipped: { to: "delivered", verb: "Mark delivered" },
};

export const STOP: Partial<Record<Status, { to: Status; verb: string }>> = {
  pending: { to: "cancelled", verb: "Cancel" },
  confirmed: { to: "cancelled", verb: "Cancel" },
  processing: { to: "cancelled", verb: "Cancel" },
  delivered: { to: "refunded", verb: "Refund" },
};

/** For files and other programs; on a page it is `Items`. */
export function summary(order: Order): string {
  return order.items.map((item) => `${item.quantity} × ${item.name}`).join("; ");
}
