import type { Connection } from "./connection.js";
import { type Answer, answerOf } from "./http.js";
import { type Change, Live, type LiveState } from "./live.js";
import { currentConnection, onConnectionChange, onEach } from "./socket.js";
import type { AllPayloads, EventName } from "./wire.js";

/** What a snapshot is: the answer of `connection.request`, or the value with the position that the
 * server read before it. */
export type Read<Value> =
  | Answer<Value>
  | { readonly items: Value; readonly offset: string | undefined };

/** Reads the value as it is now. */
export type Snapshot<Value> = (connection: Connection) => Promise<Read<Value>>;

/** The same with the answer of a `fetch`: the value is its JSON, whose type `live<Value>` is told,
 * and the position is its header `X-Event-Offset` (exposed to other origins). */
export type FetchedSnapshot = (connection: Connection) => Promise<Response>;

/** By event, what it makes of the value. A value is never changed in place. */
export type Reducers<Value> = {
  readonly [Name in EventName]?: (
    value: Value,
    payload: AllPayloads[Name],
    offset: string | undefined,
  ) => Value;
};

/** A value of the page's own that is kept as a new snapshot would be: the snapshot is read when the
 * connection is live, and again when it was not recovered; events after its offset are applied by
 * their reducers. Nothing is read or heard before the first `subscribe`; then it is shared by all. */
export function live<Value>(snapshot: Snapshot<Value>, events: Reducers<Value>): LiveValue<Value>;
export function live<Value>(
  // In one signature the value would be taken for the stream of the Response, its `body`.
  // eslint-disable-next-line @typescript-eslint/unified-signatures
  snapshot: FetchedSnapshot,
  events: Reducers<Value>,
): LiveValue<Value>;
export function live<Value>(
  snapshot: FetchedSnapshot | Snapshot<Value>,
  events: Reducers<Value>,
): LiveValue<Value> {
  return new LiveValue(snapshot, events);
}

/** Undefined until it was read. */
export type LiveValueState<Value> = LiveState<Value | undefined>;

export const UNREAD: LiveValueState<never> = { value: undefined, status: "loading", error: null };

/** What `live` returns: the value over the page's connection, also over the next one. */
export class LiveValue<Value> {
  private readonly made = new WeakMap<Connection, Live<Value | undefined>>();

  private readonly names: readonly string[];

  constructor(
    private snapshot: FetchedSnapshot | Snapshot<Value>,
    private events: Reducers<Value>,
  ) {
    this.names = Object.keys(events);
  }

  /** Call these functions from now on, for the same events. */
  replace(snapshot: FetchedSnapshot | Snapshot<Value>, events: Reducers<Value>): void {
    this.snapshot = snapshot;
    this.events = events;
  }

  readonly state = (): LiveValueState<Value> => this.current()?.state() ?? UNREAD;

  /** Keep the value up to date, and call the listener at each change; returns the undo. */
  readonly subscribe = (listener: () => void): (() => void) => {
    const undo = [
      onEach((connection) => this.of(connection).subscribe(listener)),
      onConnectionChange(listener),
    ];
    return () => {
      for (const one of undo) one();
    };
  };

  /** Apply a change that the page knows before its event. */
  readonly change = (change: Change<Value>): void => {
    this.current()?.change(whenRead(change));
  };

  /** Read the snapshot now. */
  readonly reload = (): void => {
    this.current()?.reload();
  };

  /** Read the snapshot soon, once for all calls until then: more has changed than an event says. */
  readonly reloadSoon = (): void => {
    this.current()?.reloadSoon();
  };

  /** The value over this connection. */
  of(connection: Connection): Live<Value | undefined> {
    let made = this.made.get(connection);
    if (made === undefined) this.made.set(connection, (made = this.make(connection)));
    return made;
  }

  private current(): Live<Value | undefined> | null {
    const connection = currentConnection();
    return connection === null ? null : this.of(connection);
  }

  private make(connection: Connection): Live<Value | undefined> {
    return new Live<Value | undefined>(
      connection,
      undefined,
      async () => answered<Value>(await this.snapshot(connection)),
      (push) => {
        const undo = this.names.map((name) =>
          connection.onUntyped(name, (payload, offset) => {
            push(this.reduction(name, payload, offset), offset);
          }),
        );
        return () => {
          for (const one of undo) one();
        };
      },
    );
  }

  private reduction(name: string, payload: unknown, offset: string | undefined) {
    type Reducer = (value: Value, payload: unknown, offset: string | undefined) => Value;
    return whenRead<Value>((value) => {
      const reducer = this.events[name as EventName] as Reducer | undefined;
      return reducer === undefined ? value : reducer(value, payload, offset);
    });
  }
}

/** The change, which does nothing to a value that was not read yet. */
function whenRead<Value>(change: Change<Value>): Change<Value | undefined> {
  return (value) => (value === undefined ? undefined : change(value));
}

/** The value and its position. Rejects with ApiError; with Error for an answer without position. */
async function answered<Value>(given: Response | Read<Value>): Promise<Answer<Value>> {
  let read: Answer<Value>;
  if ("text" in given) read = await answerOf<Value>(given);
  else read = "items" in given ? { body: given.items, offset: given.offset } : given;
  if (typeof read.offset === "string" && /^\d+$/.test(read.offset)) return read;
  throw new Error(
    `A snapshot needs its offset, a text of digits, not ${String(read.offset)}: the header` +
      " X-Event-Offset (exposed to other origins), or {items, offset}",
  );
}
