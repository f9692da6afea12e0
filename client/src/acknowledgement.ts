import type { Place } from "./place.js";
import type { OrdercastSocket } from "./wire.js";

/** Tells the server up to which offset this client has handled events: a few bytes, every few
 * seconds at most, when it has changed. An operator sees it (`flask trace`); nothing depends on it. */
export class Acknowledgement {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private sent: string | undefined;

  /** `seconds` between two; 0: none is sent. */
  constructor(
    private readonly socket: OrdercastSocket,
    private readonly place: Place,
    private readonly seconds: number,
  ) {}

  /** An event was handled. */
  readonly note = (): void => {
    if (this.seconds > 0) this.timer ??= setTimeout(this.send, this.seconds * 1000);
  };

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private readonly send = (): void => {
    this.timer = undefined;
    const { offset } = this.place.ticketBack();
    if (offset === undefined || offset === this.sent || !this.socket.connected) return;
    this.sent = offset;
    this.socket.volatile.emit("ordercast:ack", offset);
  };
}
