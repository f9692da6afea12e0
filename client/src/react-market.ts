/** The marketplace's hooks. */
import { useSyncExternalStore } from "react";

import type { Connection } from "./connection.js";
import type { NotificationView, Order, OrderStatus } from "./events.js";
import {
  lowStock,
  type LowStocks,
  type Notifications,
  notifications,
  type Orders,
  sellerOrders,
  withOrder,
} from "./lists.js";
import type { Live, LiveState } from "./live.js";
import { useCurrentConnection, useEvent } from "./react-page.js";

/** Calls `onUpdate` at each change of this order, for its customer or its seller; null: of none. */
export function useOrderUpdates(
  orderId: string | null | undefined,
  onUpdate: (order: OrderStatus, offset?: string) => void,
): void {
  const ofThisOne = (order: OrderStatus, offset?: string) => {
    if (order.id === orderId) onUpdate(order, offset);
  };
  useEvent("order:status", ofThisOne);
  useEvent("order:new", ofThisOne);
}

/** The seller's orders, the newest first, as they are now. `put` shows one before its event comes:
 * an answer, or an optimistic guess and its way back. */
export function useSellerOrders() {
  const { state, live } = useShared(sellerOrders, NO_ORDERS);
  return {
    orders: state.value,
    status: state.status,
    error: state.error,
    reload: () => {
      live?.reload();
    },
    put: (order: Order) => {
      live?.change(withOrder(order));
    },
  };
}

/** The seller's products at or below their threshold. `reload` after changing a stock. */
export function useLowStock() {
  const { state, live } = useShared(lowStock, NO_PRODUCTS);
  return {
    products: state.value,
    status: state.status,
    error: state.error,
    reload: () => {
      live?.reload();
    },
  };
}

/** `stored`: the user's notifications as the server has them; `received`: those that arrived while
 * the page is open, for toasts. */
export function useNotifications() {
  const connection = useCurrentConnection();
  const { state, live } = useShared(notifications, NO_NOTIFICATIONS);
  const { stored, received } = state.value;
  return {
    stored,
    received,
    unread: stored.filter((one) => one.readAt === null).length,
    status: state.status,
    error: state.error,
    reload: () => {
      live?.reload();
    },
    /** Rejects with ApiError. */
    markRead: async (id: string): Promise<void> => {
      const path = `/api/notifications/${encodeURIComponent(id)}/read`;
      const answer = await connection?.request<NotificationView>("POST", path);
      if (answer === undefined) return;
      live?.change((value) => ({
        ...value,
        stored: value.stored.map((one) => (one.id === id ? answer.body : one)),
      }));
    },
  };
}

const NO_ORDERS: LiveState<Orders> = { value: [], status: "loading", error: null };
const NO_PRODUCTS: LiveState<LowStocks> = { value: [], status: "loading", error: null };
const NO_NOTIFICATIONS: LiveState<Notifications> = {
  value: { stored: [], received: [] },
  status: "loading",
  error: null,
};

function useShared<Value>(of: (connection: Connection) => Live<Value>, empty: LiveState<Value>) {
  const connection = useCurrentConnection();
  const live = connection === null ? null : of(connection);
  const before = () => empty;
  const state = useSyncExternalStore(live?.subscribe ?? nothing, live?.state ?? before, before);
  return { state, live };
}

const nothing = () => () => undefined;
