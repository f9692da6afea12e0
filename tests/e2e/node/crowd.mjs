// Many stock clients in one process, told what to do in JSON lines on stdin, telling what happens
// in JSON lines on stdout: {"n": number of the client, "what": "connect" | "upgrade" | ...}.
//
//   node crowd.mjs COUNT URL '{"auth": {...}, "transports": [...]}'
//
// Commands: {"ask": event} (each emits it with its number and waits for the answer), {"again": true}
// (each leaves and comes back), {"cut": [n, ...]} (the network of these is gone), {"stop": true}.
import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const [count, url, options] = process.argv.slice(2);
const say = (n, what, more = {}) => process.stdout.write(`${JSON.stringify({ n, what, ...more })}\n`);
const settings = { reconnectionDelay: 50, reconnectionDelayMax: 200, forceNew: true, ...JSON.parse(options ?? "{}") };

const sockets = Array.from({ length: Number(count) }, (_, n) => {
  const socket = io(url, settings);
  socket.on("connect", () => say(n, "connect", { eio: socket.io.engine.id, recovered: socket.recovered }));
  socket.io.on("open", () => {
    socket.io.engine.on("upgrade", (to) => say(n, "upgrade", { transport: to.name }));
    socket.io.engine.on("upgradeError", (error) => say(n, "upgrade_error", { message: error.message }));
  });
  socket.on("connect_error", (error) => say(n, "connect_error", { message: error.message }));
  socket.on("disconnect", (reason) => say(n, "disconnect", { reason, active: socket.active }));
  socket.onAny((event, ...args) => say(n, "event", { event, args }));
  return socket;
});

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  if (command.ask)
    sockets.forEach((socket, n) => socket.emit(command.ask, n, (answer) => say(n, "answer", { answer })));
  if (command.again)
    for (const socket of sockets) {
      socket.disconnect();
      socket.connect();
    }
  for (const n of command.cut ?? []) sockets[n].io.engine?.transport?.ws?.terminate();
  if (command.stop) break;
}
for (const socket of sockets) socket.disconnect();
process.stdin.destroy();
