import { Listeners } from "./listeners.js";
import type { Place } from "./place.js";
import type { UntypedHandler } from "./wire.js";

/** Hands each event to its handlers, once, and notes in the place that it was handled. */
export class Reception {
  private readonly handlers = new Map<string, Listeners<Parameters<UntypedHandler>>>();

  /** `onHandled` is called behind each event with an offset. */
  constructor(
    private readonly place: Place,
    private readonly onHandled: () => void,
  ) {}

  /** Call the handler for each event of this name; returns the undo. */
  add(name: string, handler: UntypedHandler): () => void {
    let listeners = this.handlers.get(name);
    if (listeners === undefined) this.handlers.set(name, (listeners = new Listeners()));
    return listeners.add(handler);
  }

  /** `given`: what came behind the name. */
  receive(name: string, given: readonly unknown[]): void {
    const last = given.at(-1);
    const offset = typeof last === "string" ? last : undefined;
    if (isDurable(given) && offset !== undefined && !this.place.isNews(offset)) return;
    const payload = given.length === 1 && offset !== undefined ? undefined : given[0];
    this.handlers.get(name)?.tell(payload, offset);
    // Move the offset after the handlers: a reload in between brings the event again.
    if (offset === undefined) return;
    this.place.pass(offset);
    this.onHandled();
  }
}

/** Whether the offset is the event's own, so that the same offset again is the same event again. An
 * event emitted around the journal is given one only behind a text, and it is that of the last
 * durable event: after a text the offset does not say whether the event is new. */
function isDurable(given: readonly unknown[]): boolean {
  return given.length > 1 && typeof given.at(-2) !== "string";
}
