import { io, type ManagerOptions, type Socket, type SocketOptions } from "socket.io-client";

import { EVENT_NAMES } from "./events.js";
import { Holders } from "./holders.js";
import { type Answer, request } from "./http.js";
import { Listeners } from "./listeners.js";
import { type KeyValue, pageStorage, Place } from "./place.js";
import { type Refusal, refusalOf } from "./refusal.js";
import { Renewal } from "./renewal.js";
import { Tokens, type TokenSource } from "./token.js";
import type { EventName, Handler, OrdercastSocket } from "./wire.js";

export type ConnectionState = {
  readonly state: "idle" | "connecting" | "live" | "reconnecting" | "refused";
  readonly recovered: boolean; // of the last time that it came to be live
  readonly transport: "websocket" | "polling" | null;
  readonly refusal: Refusal | null; // in the state `refused`
  readonly connects: number; // how often it came to be live; 1 is the first time
};

export type Options = {
  /** Connect when the first hook needs it, and disconnect after the last. */
  readonly lazy?: boolean;
  /** For socket.io-client: transports, delays ... */
  readonly io?: Partial<ManagerOptions & SocketOptions>;
  /** Where the place in the stream is kept over a reload; null: nowhere. The session storage. */
  readonly storage?: KeyValue | null;
  /** What tells `pagehide` and `pageshow`. The window. */
  readonly page?: EventTarget | null;
};

export const IDLE: ConnectionState = {
  state: "idle",
  recovered: false,
  transport: null,
  refusal: null,
  connects: 0,
};

const RETRY_SECONDS = [1, 2, 4, 8, 16]; // when the token cannot be got; the server waits for 30

/** One user's connection to a service: its state, its events each once, its HTTP calls. */
export class Connection {
  readonly socket: OrdercastSocket;
  private current: ConnectionState = IDLE;
  private readonly tokens: Tokens;
  private readonly place: Place;
  private readonly renewal: Renewal;
  private readonly holders = new Holders(
    () => {
      this.open();
    },
    () => {
      this.close();
    },
  );
  private readonly watchers = new Listeners<[]>();
  private readonly arrivals = new Listeners<[recovered: boolean]>();
  private readonly handlers = new Map<string, Listeners<[never, string | undefined]>>();
  private introduced: string | null = null; // the token of the last CONNECT
  private failures = 0; // of getting a token, one after the other
  private renewed = false; // refused with an expired token, and asked for another
  private recovered = false;

  constructor(
    readonly source: TokenSource,
    readonly url: string,
    options: Options = {},
  ) {
    const { storage = pageStorage(), page = typeof window === "undefined" ? null : window } =
      options;
    this.tokens = new Tokens(source);
    this.place = new Place(`ordercast:${url}`, storage, page);
    this.socket = io(url, {
      ...options.io,
      autoConnect: false,
      forceNew: true, // the state of the manager is ours alone
      auth: (answer) => {
        this.introduce(answer);
      },
    });
    this.renewal = new Renewal(this.socket, this.tokens, () => {
      this.startOver();
    });
    this.listen();
  }

  /** Hears of each change of `state`; -> its undo. */
  readonly subscribe = (listener: () => void): (() => void) => this.watchers.add(listener);

  readonly state = (): ConnectionState => this.current;

  /** Hears each event of this name once; -> its undo. */
  on<Name extends EventName>(name: Name, handler: Handler<Name>): () => void {
    let listeners = this.handlers.get(name);
    if (listeners === undefined) this.handlers.set(name, (listeners = new Listeners()));
    return listeners.add(handler);
  }

  /** Hears each time that it comes to be live, before the first event. Not recovered: what was read
   * over HTTP may be old, and has to be read again. -> its undo. */
  onLive(listener: (recovered: boolean) => void): () => void {
    return this.arrivals.add(listener);
  }

  /** Hears each time that the snapshots have to be read (again); -> its undo. */
  onReload(listener: () => void): () => void {
    return this.onLive((recovered) => {
      if (!recovered) listener();
    });
  }

  /** Be connected while somebody holds it; the result lets go. */
  readonly hold = (): (() => void) => this.holders.hold();

  /** Disconnect, whoever holds it, and be nobody: for a logout. */
  end(): void {
    this.holders.end();
    this.place.forget();
  }

  /** After a refusal: try once more, with a token asked for anew. */
  retry(): void {
    if (this.current.state !== "refused") return;
    this.set({ state: "connecting", refusal: null });
    this.socket.connect();
  }

  /** An HTTP call of this user's. Rejects with ApiError, or as fetch does. */
  async request<Body>(method: string, path: string, body?: unknown): Promise<Answer<Body>> {
    const token = this.tokens.current ?? (await this.tokens.fresh());
    return request<Body>(this.url, { method, path, body, token }, () => this.tokens.fresh());
  }

  /** The last token that the source gave; null before. */
  get token(): string | null {
    return this.tokens.current;
  }

  private open(): void {
    this.place.open();
    this.set({ ...IDLE, state: "connecting" });
    this.socket.connect();
  }

  private close(): void {
    this.place.close();
    this.renewal.stop();
    this.socket.disconnect();
    this.set(IDLE);
  }

  private listen(): void {
    const { socket } = this;
    // First of all listeners for packets: what it learns is known when the handlers run.
    socket.io.on("packet", (packet) => {
      if ((packet.type as number) === CONNECT && packet.nsp === "/") this.arrive(packet.data);
    });
    // Packets of a transport that was closed in a handler: they come again, by recovery.
    socket.io.on("open", () => {
      socket.receiveBuffer.length = 0;
    });
    socket.on("connect", () => {
      this.becomeLive();
    });
    socket.on("connect_error", (error) => {
      this.failToConnect(error);
    });
    socket.on("disconnect", (reason) => {
      this.loseConnection(reason);
    });
    socket.onAny((name: string, ...given: unknown[]) => {
      this.receive(name, given);
    });
  }

  /** Answer with what CONNECT says: a fresh token, and the ticket back. */
  private introduce(answer: (auth: object) => void): void {
    const { engine } = this.socket.io;
    // The token may take so long that the transport is another one: that one asks for itself.
    const ifStillThis = (action: () => void) => {
      if (this.socket.io.engine === engine) action();
    };
    this.tokens.fresh().then(
      (token) => {
        this.failures = 0;
        this.introduced = token;
        ifStillThis(() => {
          answer({ ...(token === null ? {} : { token }), ...this.place.ticketBack() });
        });
      },
      () => {
        const seconds = RETRY_SECONDS[this.failures] ?? 16;
        this.failures += 1;
        // As if the network were away: socket.io comes back and asks again.
        setTimeout(() => {
          ifStillThis(() => engine.close());
        }, seconds * 1000);
      },
    );
  }

  private arrive(data: unknown): void {
    const pid = typeof data === "object" && data !== null && "pid" in data ? data.pid : undefined;
    this.recovered = this.place.arrive(typeof pid === "string" ? pid : undefined);
  }

  private becomeLive(): void {
    this.renewed = false;
    this.renewal.start(this.introduced);
    const { engine } = this.socket.io;
    engine.once("upgrade", () => {
      this.set({ transport: transportOf(this.socket) });
    });
    const { recovered } = this;
    const connects = this.current.connects + 1;
    const transport = transportOf(this.socket);
    this.set({ state: "live", recovered, transport, connects, refusal: null });
    this.arrivals.tell(recovered);
  }

  private failToConnect(error: Error): void {
    if (this.socket.active) {
      this.set({ state: "reconnecting", transport: null });
      return;
    }
    const refusal = refusalOf(error);
    if (refusal.code === "token_expired" && this.tokens.canChange && !this.renewed) {
      this.renewed = true; // it ended on the way, or the clock of the source is wrong
      this.socket.connect();
    } else {
      this.renewed = false;
      this.set({ state: "refused", refusal, transport: null });
    }
  }

  private loseConnection(reason: Socket.DisconnectReason): void {
    this.renewal.stop();
    if (reason === "io client disconnect") {
      this.set({ state: "idle", transport: null });
    } else if (this.socket.active) {
      this.set({ state: "reconnecting", transport: null });
    } else {
      const refusal = { code: "disconnected", message: "The server ended the connection" };
      this.set({ state: "refused", refusal, transport: null });
    }
  }

  /** Somebody else is signed in now: what was seen belongs to the one before. */
  private startOver(): void {
    this.place.forget();
    this.socket.disconnect();
    this.set({ state: "connecting" });
    this.socket.connect();
  }

  private receive(name: string, given: readonly unknown[]): void {
    const last = given.at(-1);
    const offset = typeof last === "string" ? last : undefined;
    if (isDurable(name, given) && offset !== undefined && !this.place.isNews(offset)) return;
    const isOffset = given.length > 1;
    this.handlers.get(name)?.tell(given[0] as never, isOffset ? offset : undefined);
    // Now it is handled: a reload in between would have brought it again.
    if (offset !== undefined) this.place.pass(offset);
  }

  private set(changes: Partial<ConnectionState>): void {
    this.current = { ...this.current, ...changes };
    this.watchers.tell();
  }
}

const CONNECT = 0; // the type of the packet, Socket.IO protocol 5

/** Only these have an offset of their own: one that was emitted around the journal has the last one's. */
function isDurable(name: string, given: readonly unknown[]): boolean {
  return given.length === 2 && (EVENT_NAMES as readonly string[]).includes(name);
}

function transportOf(socket: OrdercastSocket): "websocket" | "polling" {
  return socket.io.engine.transport.name === "polling" ? "polling" : "websocket";
}
