/** Listeners by what they were given for; one that throws does not keep it from the others. */
export class Listeners<Arguments extends readonly unknown[]> {
  private readonly all = new Set<{ readonly call: (...given: Arguments) => void }>();

  /** -> its undo. The same function twice is two listeners. */
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

/** As an uncaught exception, but later. */
function report(error: unknown): void {
  if (typeof reportError === "function") reportError(error);
  else
    queueMicrotask(() => {
      throw error;
    });
}
