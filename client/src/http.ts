/** A good answer. `offset` is the `X-Event-Offset`: the position read before the data. */
export type Answer<Body> = { readonly body: Body; readonly offset: string | undefined };

/** An error's answer: `{"error": {"code", "message", "details"?}}`. Of other answers the code is
 * `unknown`, and `unreadable` of a good one that is not JSON. */
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

/** There is no answer, or only a part of one: the network, a timeout. `cause`: as fetch has it. */
export class NetworkError extends Error {
  override readonly name = "NetworkError";
}

export type Call = {
  readonly method: string;
  readonly path: string; // with the slash
  readonly body?: unknown; // sent as JSON
  readonly token?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly keepalive?: boolean; // the call outlives the page
};

/** Gives a token; `refused`: the one that the service has just refused. */
export type FreshToken = (refused: string | null) => Promise<string | null>;

const TIMEOUT_MS = 15_000; // of a whole answer
const OFFSET_HEADER = "X-Event-Offset";

/** Make a call to the service at this base; if its token is refused, once more with a fresh one.
 * Rejects with ApiError or NetworkError. */
export async function request<Body>(
  url: string,
  call: Call,
  freshToken: FreshToken = () => Promise.resolve(null),
): Promise<Answer<Body>> {
  let answer = await send(url, call);
  if (answer.status === 401) {
    const refused = call.token ?? null;
    const token = await freshToken(refused);
    if (token !== null && token !== refused) answer = await send(url, { ...call, token });
  }
  return read<Body>(answer);
}

/** The answer of a `fetch` of the page's own. Rejects with ApiError or NetworkError. */
export async function answerOf<Body>(response: Response): Promise<Answer<Body>> {
  return read<Body>(await received(response));
}

type Received = {
  readonly status: number;
  readonly reason: string;
  readonly text: string;
  readonly offset: string | undefined;
};

async function send(url: string, { method, path, body, token, headers, keepalive = false }: Call): Promise<Received> {
  const all = new Headers(headers);
  if (token !== null && token !== undefined) all.set("Authorization", `Bearer ${token}`);
  if (body !== undefined) all.set("Content-Type", "application/json");
  let response: Response;
  try {
    response = await fetch(`${url}${path}`, {
      method,
      headers: all,
      keepalive,
      cache: "no-store", // a snapshot from a cache would be older than its offset
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch (error) {
    throw unanswered(error);
  }
  return received(response);
}

async function received(response: Response): Promise<Received> {
  const { status, statusText: reason, headers } = response;
  const offset = headers.get(OFFSET_HEADER) ?? undefined;
  try {
    return { status, reason, text: await response.text(), offset };
  } catch (error) {
    throw unanswered(error);
  }
}

function read<Body>({ status, reason, text, offset }: Received): Answer<Body> {
  const isGood = status >= 200 && status < 300;
  const json = parsed(text);
  if (!isGood) throw errorOf(status, reason, json);
  if (json === NO_JSON)
    throw new ApiError(status, "unreadable", `The service answered ${status} without JSON.`);
  return { body: json as Body, offset };
}

const NO_JSON = Symbol("not JSON");

/** The value of the text; undefined for an empty one. */
function parsed(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return NO_JSON;
  }
}

function errorOf(status: number, reason: string, json: unknown): ApiError {
  const error = typeof json === "object" && json !== null && "error" in json ? json.error : null;
  const { code, message, details } = (error ?? {}) as Record<string, unknown>;
  return new ApiError(
    status,
    typeof code === "string" ? code : "unknown",
    typeof message === "string" ? message : reason || `The service answered ${status}.`,
    details,
  );
}

function unanswered(cause: unknown): NetworkError {
  return new NetworkError(cause instanceof Error ? cause.message : String(cause), { cause });
}
