import { useEffect, useRef, useSyncExternalStore } from "react";

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
import { currentConnection, onConnectionChange } from "./socket.js";
import { type ConnectionState, IDLE } from "./state.js";
import type { EventName, Handler, OrdercastSocket, UntypedHandler } from "./wire.js";

const nothing = () => () => undefined;
const none = () => null;

/** The page's connection, from the first render on; null only before initSocket is called. */
export function useCurrentConnection(): Connection | null {
  return useSyncExternalStore(onConnectionChange, currentConnection, none);
}

/** The stock socket; null only before initSocket is called. */
export function useSocket(): OrdercastSocket | null {
  const connection = useCurrentConnection();
  useEffect(() => connection?.hold(), [connection]);
  return connection?.socket ?? null;
}

/** {state, recovered, transport, refusal, connects}. */
export function useConnection(): ConnectionState {
  const connection = useCurrentConnection();
  useEffect(() => connection?.hold(), [connection]);
  return useSyncExternalStore(connection?.subscribe ?? nothing, connection?.state ?? idle, idle);
}

const idle = () => IDLE;

/** Calls the handler for each event of this name, once. Each render may pass another function. */
export function useEvent<Name extends EventName>(name: Name, handler: Handler<Name>): void {
  useUntypedEvent(name, handler as UntypedHandler);
}

/** Like `useEvent`, for any name: an event that is not declared. */
export function useUntypedEvent(name: string, handler: UntypedHandler): void {
  const connection = useCurrentConnection();
  const latest = useRef(handler);
  useEffect(() => {
    latest.current = handler;
  });
  useEffect(() => {
    if (connection === null) return undefined;
    const release = connection.hold();
    const undo = connection.onUntyped(name, (...given) => {
      latest.current(...given);
    });
    return () => {
      undo();
      release();
    };
  }, [connection, name]);
}

/** Calls `onReload` at the first connect, and at each that was not recovered: read data again. */
export function useReload(onReload: () => void): void {
  const connection = useCurrentConnection();
  const latest = useRef(onReload);
  useEffect(() => {
    latest.current = onReload;
  });
  useEffect(
    () =>
      connection?.onReload(() => {
        latest.current();
      }),
    [connection],
  );
}

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
  const { state, live } = useLive(sellerOrders, NO_ORDERS);
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
  const { state, live } = useLive(lowStock, NO_PRODUCTS);
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
  const { state, live } = useLive(notifications, NO_NOTIFICATIONS);
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

function useLive<Value>(of: (connection: Connection) => Live<Value>, empty: LiveState<Value>) {
  const connection = useCurrentConnection();
  const live = connection === null ? null : of(connection);
  const before = () => empty;
  const state = useSyncExternalStore(live?.subscribe ?? nothing, live?.state ?? before, before);
  return { state, live };
}
