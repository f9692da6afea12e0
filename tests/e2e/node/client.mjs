// One stock client, told what to do in JSON lines on stdin, telling what happens in JSON lines on
// stdout: {"at": ms, "what": "connect" | "connect_error" | "disconnect" | event name, ...}.
//
//   node client.mjs 4.8|4.6 URL '{"auth": {...}, "transports": [...]}'
//
// Commands: {"emit": [event, ...args]}, {"ask": the same, and its acknowledgement is told as "answer"}, {"connect": true}, {"disconnect": true}, {"auth": {...}},
// {"cut": true} (closes the transport under the client), {"stop": true} (takes its leave and ends).
import { createInterface } from "node:readline";

const [version, url, options] = process.argv.slice(2);
const { io } = await import(version === "4.6" ? "socket.io-client-4.6" : "socket.io-client");

const say = (what, more = {}) =>
  process.stdout.write(`${JSON.stringify({ at: performance.timeOrigin + performance.now(), what, ...more })}\n`);

const socket = io(url, { reconnectionDelay: 50, reconnectionDelayMax: 200, ...JSON.parse(options ?? "{}") });
socket.on("connect", () =>
  say("connect", {
    sid: socket.id,
    eio: socket.io.engine.id,
    pid: socket._pid,
    recovered: socket.recovered,
    transport: socket.io.engine.transport.name,
  }),
);
socket.io.on("open", () => socket.io.engine.on("upgrade", (to) => say("upgrade", { transport: to.name })));
socket.on("connect_error", (error) =>
  say("connect_error", { message: error.message, data: error.data, active: socket.active }),
);
socket.on("disconnect", (reason) => say("disconnect", { reason, active: socket.active }));
// Bytes are told as {"bytes": "hex"}: a Buffer over websocket, over polling as well.
const plain = (value) =>
  value instanceof ArrayBuffer || ArrayBuffer.isView(value)
    ? { bytes: Buffer.from(value.buffer ?? value, value.byteOffset, value.byteLength).toString("hex") }
    : Array.isArray(value)
      ? value.map(plain)
      : value !== null && typeof value === "object"
        ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
        : value;
socket.onAny((event, ...args) => say("event", { event, args: plain(args) }));

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  if (command.emit) socket.emit(...command.emit);
  if (command.ask) socket.emit(...command.ask, (...args) => say("answer", { args: plain(args) }));
  if (command.auth) socket.auth = command.auth;
  if (command.connect) socket.connect();
  if (command.disconnect) socket.disconnect();
  if (command.cut) socket.io.engine.close();
  if (command.stop) break;
}
// No process.exit(): the request with which a polling client leaves is still on its way.
socket.disconnect();
process.stdin.destroy();
