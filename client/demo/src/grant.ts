/** What a login or a refresh gives. */

export interface User {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly role: "customer" | "seller" | "admin";
}

export interface Grant {
  readonly token: string; // the access token, in memory only
  readonly renewAt: number; // ms since 1970; another is asked for from then on
  readonly user: User;
}

export interface SessionAnswer {
  readonly accessToken: string;
  readonly expiresIn: number; // seconds
  readonly user: User;
}

const RENEW_PART = 0.25; // of its life, at the end of it

export function grantOf({ accessToken, expiresIn, user }: SessionAnswer): Grant {
  return { token: accessToken, renewAt: Date.now() + expiresIn * 1000 * (1 - RENEW_PART), user };
}
