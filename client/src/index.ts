/** Read in this order: socket (what a page calls), connection (the state and the events), place (the
 * way back), renewal and token, live and lists (snapshots that stay true); react has the hooks. */
export {
  type ClientEvents,
  Connection,
  type ConnectionState,
  type EventName,
  type Handler,
  type Options,
  type OrdercastSocket,
  type Refusal,
  type RefreshAnswer,
  type ServerEvents,
} from "./connection";
export * from "./events";
export { type Answer, ApiError } from "./http";
export {
  lowStock,
  type LowStocks,
  type Notifications,
  notifications,
  type Orders,
  type Received,
  sellerOrders,
  withOrder,
} from "./lists";
export { type Change, Live, type LiveState } from "./live";
export { isAfter } from "./offset";
export type { KeyValue } from "./place";
export {
  currentConnection,
  disconnectSocket,
  getSocket,
  initSocket,
  onConnectionChange,
  onEvent,
  onReload,
} from "./socket";
export { claimsOf, type TokenSource } from "./token";
