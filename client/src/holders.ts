const LINGER_MS = 1000; // a page that is left for the next one, or React's StrictMode, comes back at once

/** Counts who holds something: opened for the first, closed a moment after the last. */
export class Holders {
  private count = 0;
  private isOpen = false;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly open: () => void,
    private readonly close: () => void,
    private readonly lingerMs = LINGER_MS,
  ) {}

  /** Hold it; the result lets go, once. */
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

  /** Close it now, whoever holds it; the next to hold it opens it again. */
  end(): void {
    clearTimeout(this.timer);
    if (!this.isOpen) return;
    this.isOpen = false;
    this.close();
  }
}
