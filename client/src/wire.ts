import type { Socket } from "socket.io-client";

import type { Payloads } from "./events.js";

export type EventName = keyof Payloads;

/** A handler of an event. An event that was emitted around the journal has no offset. */
export type Handler<Name extends EventName> = (payload: Payloads[Name], offset?: string) => void;

export type ServerEvents = { [Name in EventName]: Handler<Name> };

export type RefreshAnswer =
  | { readonly ok: true; readonly expiresIn: number }
  | { readonly ok: false; readonly error: { readonly code: string; readonly message: string } };

export type ClientEvents = {
  "auth:refresh": (body: { token: string }, answer: (answer: RefreshAnswer) => void) => void;
};

export type OrdercastSocket = Socket<ServerEvents, ClientEvents>;
