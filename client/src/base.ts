/** Where a service is: the origin, and the path under which a proxy has put it. */
export type Base = {
  readonly url: string; // for HTTP: origin and prefix, without a slash at the end
  readonly origin: string;
  readonly prefix: string; // "" or "/api/realtime"
};

const HTTP: ReadonlyMap<string, string> = new Map([
  ["ws:", "http:"],
  ["wss:", "https:"],
]);

/** The base of a URL: absolute, or relative to the page. Throws for one that cannot be a base. */
export function baseOf(given: string, page = pageUrl()): Base {
  const url = parsed(given, page);
  if (url.search !== "" || url.hash !== "")
    throw new Error(`"${given}" has a query or a fragment: give them to socket.io as options`);
  // Not url.origin, which is "null" for the pages of apps: capacitor://localhost
  const origin = `${HTTP.get(url.protocol) ?? url.protocol}//${url.host}`;
  const prefix = url.pathname.replace(/\/+$/, "");
  return { url: `${origin}${prefix}`, origin, prefix };
}

function parsed(given: string, page: string | undefined): URL {
  try {
    const url = new URL(given, page);
    if (url.host !== "") return url; // else "localhost:8000", whose scheme would be "localhost"
  } catch {
    // Relative, and there is no page.
  }
  throw new Error(`"${given}" is no base of a service: https://host/prefix, or a path on a page`);
}

/** The path of Socket.IO under the prefix. `path`: socket.io's option, the path within the service. */
export function socketPath({ prefix }: Base, path = "/socket.io"): string {
  return `${prefix}/${path.replace(/^\/+/, "")}`;
}

function pageUrl(): string | undefined {
  return typeof document === "undefined" ? undefined : document.baseURI;
}
