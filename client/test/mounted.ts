/** A proxy that serves the service under a prefix, as nginx does: the service knows nothing of it. */
import { createServer, type IncomingMessage, request } from "node:http";
import type { Socket } from "node:net";

import { served } from "./client";
import { service } from "./people";

/** Serve the service under the prefix -> the origin; any other path is 404. */
export function mounted(prefix: string): Promise<string> {
  const upstream = (incoming: IncomingMessage) => {
    if (!incoming.url?.startsWith(`${prefix}/`)) return null;
    const { port } = new URL(service.url);
    const path = incoming.url.slice(prefix.length);
    const { method = "GET", headers } = incoming;
    return request({ port, host: "127.0.0.1", method, path, headers, agent: false });
  };
  const server = createServer((incoming, outgoing) => {
    const passed = upstream(incoming);
    if (passed === null) {
      outgoing.writeHead(404).end();
      return;
    }
    passed.on("response", (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    passed.on("error", () => outgoing.destroy());
    outgoing.on("close", () => passed.destroy());
    incoming.pipe(passed);
  });
  server.on("upgrade", (incoming: IncomingMessage, client: Socket) => {
    const passed = upstream(incoming);
    client.on("error", () => undefined);
    if (passed === null) {
      client.destroy();
      return;
    }
    passed.on("upgrade", (answer, other) => {
      const head = [`HTTP/1.1 101 ${answer.statusMessage ?? ""}`];
      for (let at = 0; at < answer.rawHeaders.length; at += 2)
        head.push(`${answer.rawHeaders[at] ?? ""}: ${answer.rawHeaders[at + 1] ?? ""}`);
      client.write(`${head.join("\r\n")}\r\n\r\n`);
      other.on("error", () => client.destroy());
      client.on("close", () => other.destroy());
      other.on("close", () => client.destroy());
      other.pipe(client).pipe(other);
    });
    passed.on("error", () => client.destroy());
    passed.end();
  });
  return served(server);
}
