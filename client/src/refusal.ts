/** Why the server refuses this client: `data.code` of the connect_error where the server sends one;
 * `token_missing`; `invalid_namespace`: the server has no namespace `/`; `refused`: a connect
 * handler gave no code; `disconnected`: the server ended a connection that it had accepted (logged
 * out, revoked). */
export type Refusal = { readonly code: string; readonly message: string };

const CODES: ReadonlyMap<string, string> = new Map([
  ["Authentication required", "token_missing"],
  ["Invalid namespace", "invalid_namespace"],
]); // of the messages that come without a code

/** The refusal of a `connect_error`. */
export function refusalOf(error: Error & { data?: unknown }): Refusal {
  const { data, message } = error;
  const code = typeof data === "object" && data !== null && "code" in data ? data.code : undefined;
  return { code: typeof code === "string" ? code : (CODES.get(message) ?? "refused"), message };
}
