/** A token, or how to get one that is good now; null: nobody is signed in. `refused` is the token
 * that the service has just refused, if that is why another is asked for. */
export type TokenSource =
  | string
  | ((refused: string | null) => string | null | Promise<string | null>);

type Claims = { readonly sub?: string; readonly exp?: number; readonly iat?: number };

/** The claims of a JWT, unverified; empty for another text. */
export function claimsOf(token: string): Claims {
  try {
    const part = token.split(".")[1] ?? "";
    const bytes = atob(part.replaceAll("-", "+").replaceAll("_", "/"));
    const text = new TextDecoder().decode(Uint8Array.from(bytes, (one) => one.charCodeAt(0)));
    const claims: unknown = JSON.parse(text);
    return typeof claims === "object" && claims !== null ? claims : {};
  } catch {
    return {};
  }
}

/** Seconds until the token expires, or null if it has no `exp`. Never more than its whole lifetime:
 * the clock of this machine may be slow. */
export function secondsLeft(token: string, now = Date.now() / 1000): number | null {
  const { exp, iat } = claimsOf(token);
  if (typeof exp !== "number") return null;
  return typeof iat === "number" ? Math.min(exp - now, exp - iat) : exp - now;
}

/** Asks the source once at a time: callers meanwhile get the same answer. */
export class Tokens {
  current: string | null = null;
  private asking: Promise<string | null> | null = null;

  constructor(private readonly source: TokenSource) {}

  /** Whether the source may give another token when it is asked again. */
  get canChange(): boolean {
    return typeof this.source === "function";
  }

  /** A token from the source. Rejects as the source does. */
  fresh(refused: string | null = null): Promise<string | null> {
    this.asking ??= this.ask(refused).finally(() => {
      this.asking = null;
    });
    return this.asking;
  }

  private async ask(refused: string | null): Promise<string | null> {
    this.current = typeof this.source === "string" ? this.source : await this.source(refused);
    return this.current;
  }
}
