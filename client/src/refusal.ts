/** Why the server does not want this client: its `data.code`, or `token_missing`, or `disconnected`
 * when it ended a connection that it had accepted (logged out, revoked). */
export type Refusal = { readonly code: string; readonly message: string };

/** What a `connect_error` says: the server's code, or `token_missing` when it gives none. */
export function refusalOf(error: Error & { data?: unknown }): Refusal {
  const { data, message } = error;
  const code = typeof data === "object" && data !== null && "code" in data ? data.code : undefined;
  return { code: typeof code === "string" ? code : "token_missing", message };
}
