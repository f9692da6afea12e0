/** Read in this order: payloads and wire (the types), socket (a page's functions), connection (the
 * state and the calls), base (its URL), reception (the events, each once), place (pid and offset, for
 * recovery), renewal and token, live, snapshot and lists (snapshots that are kept up to date); react
 * has the hooks. */
export { Connection, type Options } from "./connection.js";
export * from "./events.js";
export * from "./payloads.js"; // whole: a page can extend no interface that is exported by its name
export { type Answer, ApiError, type Call, NetworkError, request } from "./http.js";
export {
  lowStock,
  type LowStocks,
  type Notifications,
  notifications,
  type Orders,
  type Received,
  sellerOrders,
  withOrder,
} from "./lists.js";
export { type Change, Live, type LiveState } from "./live.js";
export { isAfter } from "./offset.js";
export type { KeyValue } from "./place.js";
export type { Refusal } from "./refusal.js";
export {
  type FetchedSnapshot,
  live,
  LiveValue,
  type LiveValueState,
  type Read,
  type Reducers,
  type Snapshot,
} from "./snapshot.js";
export {
  currentConnection,
  disconnectSocket,
  getSocket,
  initSocket,
  onConnectionChange,
  onEvent,
  onReload,
  onUntypedEvent,
} from "./socket.js";
export type { ConnectionState } from "./state.js";
export { claimsOf, type TokenSource } from "./token.js";
export type {
  AllPayloads,
  EventName,
  Handler,
  OrdercastSocket,
  ServerEvents,
  UntypedHandler,
} from "./wire.js";
