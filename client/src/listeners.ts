/** A set of listeners. When a listener throws, the others are called all the same. */
export class Listeners<Arguments extends readonly unknown[]> {
  private readonly all = new Set<{ readonly call: (...given: Arguments) => void }>();

  /** Returns the undo. The same function twice is two listeners. */
  add(call: (...given: Arguments) => void): () => void {
    const entry = { call };
    this.all.add(entry);
    return () => {
      this.all.delete(entry);
    };
  }

  tell(...given: Arguments): void {
    for (const { call } of [...this.all]) {
      try {
        call(...given);
      } catch (error) {
        report(error);
      }
    }
  }
}

/** Report like an uncaught exception, but later. */
function report(error: unknown): void {
  if (typeof reportError === "function") reportError(error);
  else
    queueMicrotask(() => {
      throw error;
    });
}
