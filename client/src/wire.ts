import type { Socket } from "socket.io-client";

import type { MarketPayloads } from "./events.js";
import type { ClientEvents, Payloads } from "./payloads.js";

/** The payload of every event: of those that a page declares, and of the marketplace's where the
 * page does not declare the name itself. */
export type AllPayloads = Payloads & Omit<MarketPayloads, keyof Payloads>;

export type EventName = keyof AllPayloads;

/** A handler of an event. An event that was emitted around the journal has no offset. */
export type Handler<Name extends EventName> = (payload: AllPayloads[Name], offset?: string) => void;

/** A handler of an event that is not declared. */
export type UntypedHandler = (payload: unknown, offset?: string) => void;

export type ServerEvents = { [Name in EventName]: Handler<Name> };

export type OrdercastSocket = Socket<ServerEvents, ClientEvents>;
