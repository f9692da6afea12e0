/** The tabs of one browser: one at a time asks the service, and tells the others what it got. */

import type { Grant } from "./grant";

type Message = { readonly kind: "ask" } | { readonly kind: "grant"; readonly grant: Grant };

const ANSWER_MS = 60; // the others are of the same browser; a tab that is frozen does not answer

export class Tabs {
  private channel: BroadcastChannel | null = null;
  private readonly waiting = new Set<(grant: Grant) => void>();

  /** `mine`: what this tab has, for the others. `locks`: null where the browser has none, on pages
   * over plain HTTP; then the service answers two tabs at once with the same pair. */
  constructor(
    private readonly name: string,
    private readonly locks: LockManager | null,
    private readonly mine: () => Grant | null,
    private readonly onGrant: (grant: Grant) => void,
  ) {}

  open(): void {
    if (this.channel !== null || typeof BroadcastChannel === "undefined") return;
    this.channel = new BroadcastChannel(this.name);
    this.channel.onmessage = ({ data }: MessageEvent<Message>) => {
      this.receive(data);
    };
  }

  /** While the page is out of sight: an open channel keeps it out of the back/forward cache. */
  close(): void {
    this.channel?.close();
    this.channel = null;
  }

  /** Work while no other tab does. */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.locks === null) return work();
    return await this.locks.request(this.name, work);
  }

  tell(grant: Grant): void {
    this.post({ kind: "grant", grant });
  }

  /** What another tab has and is wanted; null: none answered. */
  ask(isWanted: (grant: Grant) => boolean): Promise<Grant | null> {
    if (this.channel === null) return Promise.resolve(null);
    return new Promise((resolve) => {
      const finish = (grant: Grant | null) => {
        clearTimeout(timer);
        this.waiting.delete(hear);
        resolve(grant);
      };
      const hear = (grant: Grant) => {
        if (isWanted(grant)) finish(grant);
      };
      const timer = setTimeout(() => {
        finish(null);
      }, ANSWER_MS);
      this.waiting.add(hear);
      this.post({ kind: "ask" });
    });
  }

  private receive(message: Message): void {
    switch (message.kind) {
      case "ask": {
        const grant = this.mine();
        if (grant !== null) this.tell(grant);
        break;
      }
      case "grant":
        this.onGrant(message.grant);
        for (const hear of [...this.waiting]) hear(message.grant);
        break;
      default:
        message satisfies never;
    }
  }

  private post(message: Message): void {
    this.channel?.postMessage(message);
  }
}
