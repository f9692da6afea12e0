const LINGER_MS = 1000; // a page that is left for the next one, or React's StrictMode, comes back at once

/** Counts the holders of something: opens with the first, closes a moment after the last. */
export class Holders {
  private count = 0;
  private isOpen = false;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly open: () => void,
    private readonly close: () => void,
    private readonly lingerMs = LINGER_MS,
  ) {}

  /** Count one more holder; the result releases it, once. */
  hold(): () => void {
    this.count += 1;
    clearTimeout(this.timer);
    if (!this.isOpen) {
      this.isOpen = true;
      this.open();
    }
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.count -= 1;
      if (this.count === 0)
        this.timer = setTimeout(() => {
          this.end();
        }, this.lingerMs);
    };
  }

  /** Close now, also with holders; the next holder opens again. */
  end(): void {
    clearTimeout(this.timer);
    if (!this.isOpen) return;
    this.isOpen = false;
    this.close();
  }
}
