import type { Refusal } from "./refusal.js";

/** How a connection is. */
export type ConnectionState = {
  readonly state: "idle" | "connecting" | "live" | "reconnecting" | "refused";
  readonly recovered: boolean; // at the last time that the connection became live
  readonly transport: "websocket" | "polling" | null;
  readonly refusal: Refusal | null; // in the state `refused`
  readonly connects: number; // how often the connection became live; 1 is the first time
};

export const IDLE: ConnectionState = {
  state: "idle",
  recovered: false,
  transport: null,
  refusal: null,
  connects: 0,
};
