import { io, type ManagerOptions, type Socket, type SocketOptions } from "socket.io-client";

import { Acknowledgement } from "./acknowledgement.js";
import { baseOf, socketPath } from "./base.js";
import { Holders } from "./holders.js";
import { type Answer, request } from "./http.js";
import { Listeners } from "./listeners.js";
import { type KeyValue, pageStorage, Place } from "./place.js";
import { Reception } from "./reception.js";
import { refusalOf } from "./refusal.js";
import { Renewal } from "./renewal.js";
import { type ConnectionState, IDLE } from "./state.js";
import { Tokens, type TokenSource } from "./token.js";
import type { EventName, Handler, OrdercastSocket, UntypedHandler } from "./wire.js";

export type Options = {
  /** Connect when the first hook needs it, and disconnect after the last. */
  readonly lazy?: boolean;
  /** For socket.io-client: transports, delays ... */
  readonly io?: Partial<ManagerOptions & SocketOptions>;
  /** Keeps the place in the stream over a reload; null: none. Default: the session storage. */
  readonly storage?: KeyValue | null;
  /** Seconds between two acknowledgements of what was handled, for operators; 0: none. Default: 5. */
  readonly acknowledgeSeconds?: number;
  /** Dispatches `pagehide` and `pageshow`. Default: the window. */
  readonly page?: EventTarget | null;
};

const ACKNOWLEDGE_SECONDS = 5;
const RETRY_SECONDS = [1, 2, 4, 8, 16]; // when the token cannot be got; the server waits for 30

/** One user's connection to a service: its state, its events each once, its HTTP calls. */
export class Connection {
  readonly url: string; // the service's, without a slash at the end
  readonly socket: OrdercastSocket;
  private current: ConnectionState = IDLE;
  private readonly tokens: Tokens;
  private readonly place: Place;
  private readonly reception: Reception;
  private readonly acknowledgement: Acknowledgement;
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
  private introduced: string | null = null; // the token of the last CONNECT
  private failures = 0; // to get a token, one after the other
  private renewed = false; // refused with an expired token, and asked for another
  private recovered = false;

  /** `url`: of the service, also with a path that a proxy has put before it, or relative to the
   * page. Socket.IO's own `path` is within it. Throws for a text that is no such URL. */
  constructor(
    readonly source: TokenSource,
    url: string,
    options: Options = {},
  ) {
    const base = baseOf(url);
    this.url = base.url;
    const { storage = pageStorage(), page = typeof window === "undefined" ? null : window } =
      options;
    this.tokens = new Tokens(source);
    this.place = new Place(`ordercast:${this.url}`, storage, page);
    this.reception = new Reception(this.place, () => {
      this.acknowledgement.note();
    });
    // A path in the URL would be a namespace for socket.io: the prefix goes into its option.
    this.socket = io(base.origin, {
      ...options.io,
      path: socketPath(base, options.io?.path),
      autoConnect: false,
      forceNew: true, // the state of the manager is ours alone
      auth: (answer) => {
        this.introduce(answer);
      },
    });
    const { acknowledgeSeconds = ACKNOWLEDGE_SECONDS } = options;
    this.acknowledgement = new Acknowledgement(this.socket, this.place, acknowledgeSeconds);
    this.renewal = new Renewal(this.socket, this.tokens, () => {
      this.startOver();
    });
    this.listen();
  }

  /** Call the listener at each change of `state`; returns the undo. */
  readonly subscribe = (listener: () => void): (() => void) => this.watchers.add(listener);

  readonly state = (): ConnectionState => this.current;

  /** Call the handler for each event of this name, once; returns the undo. */
  on<Name extends EventName>(name: Name, handler: Handler<Name>): () => void {
    return this.onUntyped(name, handler as UntypedHandler);
  }

  /** Like `on`, for any name: an event that is not declared. */
  onUntyped(name: string, handler: UntypedHandler): () => void {
    return this.reception.add(name, handler);
  }

  /** Call the listener each time that the connection becomes live, before the first event. Not
   * recovered: snapshots read over HTTP may be old, and have to be read again. Returns the undo. */
  onLive(listener: (recovered: boolean) => void): () => void {
    return this.arrivals.add(listener);
  }

  /** Call the listener each time that the snapshots have to be read (again); returns the undo. */
  onReload(listener: () => void): () => void {
    return this.onLive((recovered) => {
      if (!recovered) listener();
    });
  }

  /** Be connected until the result is called; any number of callers may hold the connection. */
  readonly hold = (): (() => void) => this.holders.hold();

  /** Disconnect, also while callers hold the connection, and forget the user: for a logout. */
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

  /** Make an HTTP call as this user, with the body as JSON; `path` begins at the service's URL.
   * Rejects with ApiError or NetworkError, or as the token source does. */
  async request<Body>(
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer<Body>> {
    const token = this.tokens.current ?? (await this.tokens.fresh());
    const call = { method, path, body, headers, token };
    return request<Body>(this.url, call, (refused) => this.tokens.fresh(refused));
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
    this.acknowledgement.stop();
    this.socket.disconnect();
    this.set(IDLE);
  }

  private listen(): void {
    const { socket } = this;
    // The first of all listeners for packets: the others can use what CONNECT says.
    socket.io.on("packet", (packet) => {
      if ((packet.type as number) === CONNECT && packet.nsp === "/") this.arrive(packet.data);
    });
    // Drop packets of a transport that was closed in a handler: recovery brings them again.
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
      this.reception.receive(name, given);
    });
  }

  /** Answer with the payload of CONNECT: a fresh token, the pid and the offset. */
  private introduce(answer: (auth: object) => void): void {
    const { engine } = this.socket.io;
    // Getting the token may outlast the transport: the next transport asks for its own.
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
        // Close as if the network were down: socket.io reconnects and asks again.
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
      this.renewed = true; // expired on the way, or the clock of the source is wrong
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

  /** Connect as a new client: another user is signed in, and the place was the previous user's. */
  private startOver(): void {
    this.place.forget();
    this.socket.disconnect();
    this.set({ state: "connecting" });
    this.socket.connect();
  }

  private set(changes: Partial<ConnectionState>): void {
    this.current = { ...this.current, ...changes };
    this.watchers.tell();
  }
}

const CONNECT = 0; // the type of the packet, Socket.IO protocol 5

function transportOf(socket: OrdercastSocket): "websocket" | "polling" {
  return socket.io.engine.transport.name === "polling" ? "polling" : "websocket";
}
