/** One request to the service on this page's own origin; nothing but JSON. */

import { ApiError } from "../../src/index";

export { ApiError }; // status 0: there was no answer

export interface Answer<T> {
  data: T;
  offset: string | null; // X-Event-Offset: events after it are news to this answer
}

export interface Options {
  token?: string;
  body?: unknown;
  idempotencyKey?: string;
}

const TIMEOUT_MS = 15_000;

/** -> what the service answered; ApiError for everything that is no 2xx. */
export async function request<T>(
  method: string,
  path: string,
  { token, body, idempotencyKey }: Options = {},
): Promise<Answer<T>> {
  const headers: Record<string, string> = {};
  if (token !== undefined) headers["Authorization"] = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (idempotencyKey !== undefined) headers["Idempotency-Key"] = idempotencyKey;
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      cache: "no-store",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch {
    throw new ApiError(0, "network", "The service cannot be reached.");
  }
  const text = await response.text();
  if (!response.ok) throw errorOf(response.status, text);
  return {
    data: (text === "" ? null : JSON.parse(text)) as T,
    offset: response.headers.get("X-Event-Offset"),
  };
}

function errorOf(status: number, text: string): ApiError {
  try {
    const { error } = JSON.parse(text) as {
      error: { code: string; message: string; details?: unknown };
    };
    return new ApiError(status, error.code, error.message, error.details);
  } catch {
    return new ApiError(status, "unreadable", `The service answered ${status}.`);
  }
}
