// One stock client, told what to do in JSON lines on stdin, telling what happens in JSON lines on
// stdout: {"at": ms, "what": "connect" | "connect_error" | "disconnect" | event name, ...}.
//
//   node client.mjs 4.8|4.6 URL '{"auth": {...}, "transports": [...]}'
//
// Commands: {"emit": [event, ...args]}, {"connect": true}, {"disconnect": true}, {"auth": {...}},
// {"cut": true} (closes the transport under the client), {"stop": true}.
import { createInterface } from "node:readline";

const [version, url, options] = process.argv.slice(2);
const { io } = await import(version === "4.6" ? "socket.io-client-4.6" : "socket.io-client");

const say = (what, more = {}) =>
  process.stdout.write(`${JSON.stringify({ at: performance.timeOrigin + performance.now(), what, ...more })}\n`);

const socket = io(url, { reconnectionDelay: 50, reconnectionDelayMax: 200, ...JSON.parse(options ?? "{}") });
socket.on("connect", () =>
  say("connect", { sid: socket.id, recovered: socket.recovered, transport: socket.io.engine.transport.name }),
);
socket.on("connect_error", (error) =>
  say("connect_error", { message: error.message, data: error.data, active: socket.active }),
);
socket.on("disconnect", (reason) => say("disconnect", { reason, active: socket.active }));
socket.onAny((event, ...args) => say("event", { event, args }));

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  if (command.emit) socket.emit(...command.emit);
  if (command.auth) socket.auth = command.auth;
  if (command.connect) socket.connect();
  if (command.disconnect) socket.disconnect();
  if (command.cut) socket.io.engine.close();
  if (command.stop) break;
}
process.exit(0);
