/** A good answer. `offset` is the `X-Event-Offset`: the position read before the data. */
export type Answer<Body> = { readonly body: Body; readonly offset: string | undefined };

/** An error's answer: `{"error": {"code", "message", "details"?}}`. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly details?: unknown,
  ) {
    super(message);
  }
}

type Call = {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
  readonly token: string | null;
};

/** Make a call; if its token is refused, once more with a fresh one. */
export async function request<Body>(
  url: string,
  call: Call,
  freshToken: () => Promise<string | null>,
): Promise<Answer<Body>> {
  let response = await send(url, call);
  if (response.status === 401) {
    const token = await freshToken();
    if (token !== null && token !== call.token) response = await send(url, { ...call, token });
  }
  if (!response.ok) throw await errorOf(response);
  const body = (response.status === 204 ? undefined : await response.json()) as Body;
  return { body, offset: response.headers.get("X-Event-Offset") ?? undefined };
}

function send(url: string, { method, path, body, token }: Call): Promise<Response> {
  const headers = new Headers();
  if (token !== null) headers.set("Authorization", `Bearer ${token}`);
  if (body !== undefined) headers.set("Content-Type", "application/json");
  return fetch(`${url}${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

async function errorOf(response: Response): Promise<ApiError> {
  type Envelope = { error?: { code?: string; message?: string; details?: unknown } } | null;
  const answer = (await response.json().catch(() => null)) as Envelope;
  const { code = "unknown", message = response.statusText, details } = answer?.error ?? {};
  return new ApiError(response.status, code, message, details);
}
