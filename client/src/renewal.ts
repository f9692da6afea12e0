import type { RefreshAnswer } from "./payloads.js";
import { secondsLeft, type Tokens } from "./token.js";
import type { OrdercastSocket } from "./wire.js";

const MARGIN_SECONDS = 60; // before the end; of a short token its last fifth
const ACK_MS = 10_000;
const MIN_SECONDS = 1;
const MAX_SECONDS = 2 ** 31 / 1000 - 1; // the longest delay of setTimeout

/** Keeps one connection's token fresh while it lasts: `auth:refresh` before each ends. */
export class Renewal {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private round = 0; // the answer to an earlier round is ignored
  private accepted: string | null = null; // the token by which the connection lasts
  private endsAt = 0; // ms

  constructor(
    private readonly socket: OrdercastSocket,
    private readonly tokens: Tokens,
    private readonly onAnotherUser: () => void,
  ) {}

  /** Begin with the token that the server has accepted. */
  start(token: string | null): void {
    this.stop();
    const seconds = token === null ? null : secondsLeft(token);
    this.accepted = token;
    if (seconds !== null && this.tokens.canChange) this.expectEnd(seconds);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.round += 1;
  }

  private expectEnd(seconds: number): void {
    this.endsAt = Date.now() + seconds * 1000;
    this.wait(seconds - Math.min(MARGIN_SECONDS, seconds / 5));
  }

  /** Try again after half of the time that is left. */
  private again(): void {
    const left = (this.endsAt - Date.now()) / 1000;
    if (left > 0) this.wait(left / 2);
  }

  private wait(seconds: number): void {
    const round = this.round;
    const delay = Math.min(Math.max(seconds, MIN_SECONDS), MAX_SECONDS) * 1000;
    this.timer = setTimeout(() => {
      void this.renew(round);
    }, delay);
  }

  private async renew(round: number): Promise<void> {
    const answer = await this.ask().catch(() => null);
    if (round !== this.round) return;
    if (answer === null) this.again();
    else if (answer.ok) this.expectEnd(answer.expiresIn);
    else if (answer.error.code === "wrong_user") this.onAnotherUser();
    else this.again();
  }

  /** Send a fresh token -> the server's answer; null if there is no other token yet. */
  private async ask(): Promise<RefreshAnswer | null> {
    const token = await this.tokens.fresh();
    if (token === null || token === this.accepted) return null;
    const socket = this.socket.timeout(ACK_MS);
    const answer = (await socket.emitWithAck("auth:refresh", { token })) as RefreshAnswer;
    if (answer.ok) this.accepted = token;
    return answer;
  }
}
