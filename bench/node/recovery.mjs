// The load of bench/recovery.py: many stock clients of one user, events at a steady rate, and
// connections that end. Its plan is one line of JSON on stdin; then "go" lines from the parent.
//
// mode "jitter": every connection is terminated about every `everySeconds` and stays away `awayMs`.
// mode "avalanche": says {"ready"}, the parent restarts the server and writes a line, and the
// events go on as soon as the server answers again.
//
// Prints one JSON report. Every event counts: delivered once, missing, or doubled.
import http from "node:http";
import { createInterface } from "node:readline";
import { io } from "socket.io-client";
import { percentile } from "./client.mjs";

const input = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const next = async () => (await input.next()).value;
const plan = JSON.parse(await next());
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const agent = new http.Agent({ keepAlive: true });

const askedAt = []; // by event number: when its emit was asked for
const sentAt = []; // and when it was answered
const clients = [];
let deaf = false; // no more cuts

class Client {
  got = new Map(); // event number -> times
  connects = 0;
  recovered = 0;
  attempted = 0; // when this reconnect began
  backAt = 0; // when it was connected last
  constructor(index) {
    this.socket = io(plan.url, {
      auth: { token: plan.token },
      transports: ["websocket"],
      forceNew: true,
      ...plan.options,
    });
    this.socket.on("notification", ({ title }) => this.receive(Number(title)));
    this.socket.on("connect", () => {
      this.connects += 1;
      this.recovered += this.socket.recovered ? 1 : 0;
      this.backAt = performance.now();
      if (plan.mode === "jitter") this.cutLater();
    });
    this.socket.io.on("reconnect_attempt", () => (this.attempted = performance.now()));
  }
  receive(number) {
    const now = performance.now();
    this.got.set(number, (this.got.get(number) ?? 0) + 1);
    const missed = sentAt[number] !== undefined && sentAt[number] < this.attempted;
    if (missed) replays.push(now - this.attempted);
    else lives.push(now - askedAt[number]);
  }
  cutLater() {
    const ms = plan.everySeconds * 1000 * (0.5 + Math.random());
    setTimeout(() => {
      if (!deaf) this.socket.io.engine?.transport?.ws?.terminate();
    }, ms);
  }
}
const replays = [];
const lives = [];

function emit(number) {
  askedAt[number] ??= performance.now();
  const payload = { title: String(number), message: "bench", type: "info" };
  const body = plan.emit.wrap ? { event: "notification", room: plan.room, payload } : { userId: plan.userId, ...payload };
  return new Promise((resolve) => {
    const request = http.request(plan.url + plan.emit.path, {
      method: "POST",
      agent,
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${plan.emit.token}` },
    });
    request.on("error", () => resolve(false));
    request.on("response", (response) => {
      response.resume();
      response.on("end", () => {
        if (response.statusCode === 201) sentAt[number] = performance.now();
        resolve(response.statusCode === 201);
      });
    });
    request.end(JSON.stringify(body));
  });
}

async function events(from, count) {
  const start = performance.now();
  for (let number = from; number < from + count; number += 1) {
    await sleep(Math.max(0, start + ((number - from) * 1000) / plan.perSecond - performance.now()));
    while (!(await emit(number))) await sleep(50); // the server may be on its way back
  }
}

const until = async (condition, seconds) => {
  const deadline = performance.now() + seconds * 1000;
  while (!condition() && performance.now() < deadline) await sleep(50);
  return condition();
};

for (let index = 0; index < plan.clients; index += 1) {
  clients.push(new Client(index));
  if (index % 20 === 19) await sleep(100);
}
if (!(await until(() => clients.every((client) => client.socket.connected), 60))) {
  throw new Error("not every client connected");
}

let backMs = [];
if (plan.mode === "jitter") {
  await events(0, plan.events);
} else {
  await events(0, plan.events / 2);
  const before = clients.map((client) => client.connects);
  console.log(JSON.stringify({ ready: true }));
  await next(); // the parent has just ended the server
  const down = performance.now();
  const rest = events(plan.events / 2, plan.events / 2);
  await until(() => clients.every((client, i) => client.connects > before[i] && client.socket.connected), 60);
  await rest;
  backMs = clients.filter((client, i) => client.connects > before[i]).map((client) => client.backAt - down);
}
deaf = true;
const complete = (client) => sentAt.every((_, number) => client.got.has(number));
await until(() => clients.every((client) => client.socket.connected), 20);
await until(() => clients.every(complete), 10);

const reconnects = clients.reduce((sum, client) => sum + client.connects - 1, 0);
const expected = clients.length * sentAt.length;
const delivered = clients.reduce((sum, client) => sum + client.got.size, 0);
const doubled = clients.reduce(
  (sum, client) => sum + [...client.got.values()].filter((times) => times > 1).length,
  0,
);
const share = (part, whole) => (whole ? Math.round((part / whole) * 10000) / 100 : null);
console.log(
  JSON.stringify({
    clients: clients.length,
    events: sentAt.length,
    reconnects,
    deliveredPercent: share(delivered, expected),
    missing: expected - delivered,
    doubled,
    recoveredPercent: share(
      clients.reduce((sum, client) => sum + client.recovered, 0),
      reconnects,
    ),
    neverReturned: clients.filter((client) => !client.socket.connected).length,
    replayMs: { count: replays.length, p50: percentile(replays, 0.5), p95: percentile(replays, 0.95), p99: percentile(replays, 0.99) },
    liveMs: { p50: percentile(lives, 0.5), p99: percentile(lives, 0.99) },
    backMs: backMs.length ? { p50: percentile(backMs, 0.5), all: percentile(backMs, 1) } : undefined,
    generatorCpuSeconds: Math.round((process.cpuUsage().user + process.cpuUsage().system) / 1e5) / 10,
  }),
);
process.exit(0);
