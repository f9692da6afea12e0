// A share of the clients of bench/storm.py: stock clients, one of each user, whose server dies.
//
// Its plan is one line of JSON on stdin: {url, tokens}. Then lines from the parent, each answered by
// one line of JSON on stdout:
//
//   watch               the server is about to die -> {watching}, and once every client is connected
//                       again {backAt: [ms of CLOCK_MONOTONIC]}, null for one that is not in time
//   end [count, ...]    how many events each is to have -> what came, by client
//
// An event carries its number as title, and as message when it was sent, ms of CLOCK_MONOTONIC.
import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const CONNECTING = 25; // clients at once, at the first connect
const BACK_SECONDS = 90;
const END_SECONDS = 20;
const LINGER_MS = 500; // after the last event that is due: one that comes twice comes soon

const input = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const next = async () => (await input.next()).value;
const say = (report) => console.log(JSON.stringify(report));
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const offset = Number(process.hrtime.bigint()) / 1e6 - performance.now();
const now = () => performance.now() + offset;
const until = async (condition, seconds) => {
  const deadline = now() + seconds * 1000;
  while (!condition() && now() < deadline) await sleep(20);
};

class Client {
  got = []; // numbers of events
  replays = []; // ms from the attempt to reconnect to an event from before it
  connects = 0;
  recovered = 0;
  attempted = 0;
  backAt = null;
  constructor(url, token) {
    this.socket = io(url, { auth: { token }, transports: ["websocket"], forceNew: true });
    this.socket.on("connect", () => {
      this.connects += 1;
      this.recovered += this.socket.recovered ? 1 : 0;
      this.backAt = now();
    });
    this.socket.io.on("reconnect_attempt", () => (this.attempted = now()));
    this.socket.on("notification", ({ title, message }) => {
      this.got.push(Number(title));
      if (Number(message) < this.attempted) this.replays.push(now() - this.attempted);
    });
    this.connected = new Promise((resolve) => this.socket.once("connect", resolve));
  }
}

const { url, tokens } = JSON.parse(await next());
const clients = [];
const waiting = tokens.entries();
await Promise.all(
  Array.from({ length: CONNECTING }, async () => {
    for (const [index, token] of waiting) {
      clients[index] = new Client(url, token);
      await clients[index].connected;
    }
  }),
);
say({ connected: clients.length });

await next();
const before = clients.map((client) => client.connects);
const isBack = (client, i) => client.connects > before[i] && client.socket.connected;
say({ watching: true });
await until(() => clients.every(isBack), BACK_SECONDS);
say({ backAt: clients.map((client, i) => (isBack(client, i) ? client.backAt : null)) });

const due = JSON.parse(await next());
await until(() => clients.every((client, i) => client.got.length >= due[i]), END_SECONDS);
await sleep(LINGER_MS);
say({
  got: clients.map((client) => client.got),
  reconnects: clients.reduce((sum, client) => sum + client.connects - 1, 0),
  recovered: clients.reduce((sum, client) => sum + client.recovered, 0),
  replays: clients.flatMap((client) => client.replays),
  cpuSeconds: (process.cpuUsage().user + process.cpuUsage().system) / 1e6,
});
process.exit(0);
