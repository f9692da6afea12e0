/** Why the server refuses this client: its `data.code`, or `token_missing`, or `disconnected` when
 * it ended a connection that it had accepted (logged out, revoked). */
export type Refusal = { readonly code: string; readonly message: string };

/** The refusal of a `connect_error`: the server's code, or `token_missing` without one. */
export function refusalOf(error: Error & { data?: unknown }): Refusal {
  const { data, message } = error;
  const code = typeof data === "object" && data !== null && "code" in data ? data.code : undefined;
  return { code: typeof code === "string" ? code : "token_missing", message };
}
