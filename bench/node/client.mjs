// What the loads share: HTTP calls with a token, stock clients, percentiles.
import http from "node:http";
import { io } from "socket.io-client";

/** A function that calls the API at `url`: (method, path, token, body) -> [its JSON, when it was here]. */
export function caller(url, maxSockets) {
  const agent = new http.Agent({ keepAlive: true, maxSockets });
  return (method, path, token, body) =>
    new Promise((resolve, reject) => {
      const request = http.request(`${url}${path}`, {
        method,
        agent,
        headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
      });
      request.on("error", reject);
      request.on("response", (response) => {
        const parts = [];
        response.on("data", (part) => parts.push(part));
        response.on("end", () => {
          const at = performance.now();
          const text = Buffer.concat(parts).toString();
          if (response.statusCode >= 300) reject(new Error(`${response.statusCode} ${text}`));
          else resolve([JSON.parse(text), at]);
        });
      });
      request.end(JSON.stringify(body));
    });
}

/** A connected stock client. `heard(event, payload)` is called for every event. */
export async function connect(url, token, heard) {
  const socket = io(url, { auth: { token }, transports: ["websocket"], forceNew: true });
  socket.onAny(heard);
  await new Promise((resolve, reject) => {
    socket.on("connect", resolve);
    socket.on("connect_error", reject);
  });
  return socket;
}

/** Of values in ms, rounded to 0.1; null if there is none. */
export function percentile(values, share) {
  if (!values.length) return null;
  const sorted = values.toSorted((a, b) => a - b);
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] * 10) / 10;
}
