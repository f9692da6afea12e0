/** The way back after a refusal: the page tries again, later each time, or when it is told to. */

import type { Connection } from "../../src/index";

export type Refused = Pick<Connection, "state" | "subscribe" | "retry" | "token">;

// Another token of the same session may be good. If there is none, the session is over.
const OF_THE_TOKEN = new Set(["token_invalid", "token_expired", "token_revoked", "token_missing"]);
const SECONDS = [1, 5, 10, 20, 30]; // until the next attempt; the last again and again
const STEADY_MS = 10_000; // a connection that lasts so long is back: the next refusal is the first

export class WayBack {
  private attempts = 0;
  private isRefused = false;
  private refused: string | null = null; // the token for which another was asked for at once
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly undo: () => void;

  constructor(
    private readonly connection: Refused,
    private readonly freshToken: (refused: string | null) => Promise<string>,
  ) {
    this.undo = connection.subscribe(() => {
      this.watch();
    });
    this.watch();
  }

  end(): void {
    this.undo();
    clearTimeout(this.timer);
  }

  /** Try again at once: there is room, or a network. */
  readonly now = (): void => {
    if (this.isRefused) void this.retry();
  };

  private watch(): void {
    const { state } = this.connection.state();
    const isRefused = state === "refused";
    const wasRefused = this.isRefused;
    this.isRefused = isRefused;
    if (isRefused && !wasRefused) this.wait();
    else if (state === "live") this.expectToStay();
  }

  private wait(): void {
    const { token } = this.connection;
    if (this.isOfTheToken() && token !== this.refused) {
      this.refused = token;
      void this.retry();
      return;
    }
    const seconds = SECONDS[Math.min(this.attempts, SECONDS.length - 1)] ?? 30;
    this.attempts += 1;
    clearTimeout(this.timer);
    // Spread those that the service has refused or disconnected in the same moment.
    this.timer = setTimeout(() => void this.retry(), seconds * (0.5 + Math.random()) * 1000);
  }

  private isOfTheToken(): boolean {
    const { refusal } = this.connection.state();
    return refusal !== null && OF_THE_TOKEN.has(refusal.code);
  }

  private expectToStay(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.attempts = 0;
    }, STEADY_MS);
  }

  private async retry(): Promise<void> {
    clearTimeout(this.timer);
    try {
      if (this.isOfTheToken()) await this.freshToken(this.connection.token);
    } catch {
      if (this.isRefused) this.wait(); // the session is over and this has ended, or no answer
      return;
    }
    this.connection.retry();
  }
}
