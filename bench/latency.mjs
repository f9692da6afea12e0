// The load of bench/latency.py: stock clients that listen, and changes over HTTP at a steady rate.
// Reads its plan as JSON from stdin: {url, changesPerSecond, seconds, warmupSeconds,
// pairs: [{customer, seller, productId}]}. Prints one JSON object with the latencies in ms.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import http from "node:http";

const require = createRequire(new URL("../tests/e2e/node/package.json", import.meta.url));
const { io } = require("socket.io-client");
const plan = JSON.parse(readFileSync(0, "utf8"));
const agent = new http.Agent({ keepAlive: true, maxSockets: 50 });

const answered = new Map(); // "order/version" -> when its answer was here
const received = new Map(); // "order/version" -> [[event, when]]
const expected = new Map(); // "order/version" -> how many events announce it

function note(key, event) {
  if (!received.has(key)) received.set(key, []);
  received.get(key).push([event, performance.now()]);
}

function call(method, path, token, body) {
  return new Promise((resolve, reject) => {
    const request = http.request(`${plan.url}${path}`, {
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
        const json = JSON.parse(Buffer.concat(parts));
        if (response.statusCode >= 300) reject(new Error(`${response.statusCode} ${JSON.stringify(json)}`));
        else resolve([json, at]);
      });
    });
    request.end(JSON.stringify(body));
  });
}

async function connect(token, on) {
  const socket = io(plan.url, { auth: { token }, transports: ["websocket"], forceNew: true });
  for (const [event, handler] of Object.entries(on)) socket.on(event, handler);
  await new Promise((resolve, reject) => {
    socket.on("connect", resolve);
    socket.on("connect_error", reject);
  });
  return socket;
}

const sockets = [];
for (const pair of plan.pairs) {
  sockets.push(
    await connect(pair.customer, {
      "order:status": (order) => note(`${order.id}/${order.status}`, "order:status"),
    }),
    await connect(pair.seller, {
      "order:new": (order) => note(`${order.id}/${order.status}`, "order:new"),
    }),
  );
}

const NEXT = ["confirmed", "processing", "shipped", "delivered"];
const open = plan.pairs.map(() => null); // one order under way for each pair
let failed = 0;

async function change(number) {
  const index = number % plan.pairs.length;
  const pair = plan.pairs[index];
  const under = open[index];
  open[index] = null;
  try {
    const [order, at] = under
      ? await call("PATCH", `/api/orders/${under.id}/status`, pair.seller, { status: NEXT[under.step] })
      : await call("POST", "/api/orders", pair.customer, { items: [{ productId: pair.productId, quantity: 1 }] });
    const key = `${order.id}/${order.status}`;
    answered.set(key, at);
    expected.set(key, under ? 2 : 1);
    const step = under ? under.step + 1 : 0;
    open[index] = step < NEXT.length ? { id: order.id, step } : null;
  } catch (error) {
    failed += 1;
    console.error(error.message);
  }
}

const total = plan.changesPerSecond * (plan.warmupSeconds + plan.seconds);
const start = performance.now();
const running = [];
for (let number = 0; number < total; number += 1) {
  const due = start + (number * 1000) / plan.changesPerSecond;
  const wait = due - performance.now();
  if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
  running.push(change(number));
}
await Promise.all(running);
const missing = () =>
  [...expected].filter(([key, count]) => (received.get(key)?.length ?? 0) !== count).length;
for (let tries = 0; missing() && tries < 100; tries += 1) await new Promise((r) => setTimeout(r, 50));

const from = start + plan.warmupSeconds * 1000;
const latencies = [];
for (const [key, at] of answered) {
  if (at < from) continue;
  for (const [, when] of received.get(key) ?? []) latencies.push(when - at);
}
latencies.sort((a, b) => a - b);
const at = (share) => latencies[Math.min(latencies.length - 1, Math.floor(share * latencies.length))];
console.log(
  JSON.stringify({
    clients: sockets.length,
    changes: answered.size,
    events: latencies.length,
    missing: missing(),
    failed,
    p50: at(0.5),
    p90: at(0.9),
    p99: at(0.99),
    max: latencies.at(-1),
    generatorCpuSeconds: (process.cpuUsage().user + process.cpuUsage().system) / 1e6,
  }),
);
process.exit(missing() || failed ? 1 : 0);
