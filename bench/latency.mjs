// The load of bench/latency.py: stock clients that listen, and changes over HTTP at a steady rate.
// Reads its plan as JSON from stdin: {url, changesPerSecond, seconds, warmupSeconds,
// pairs: [{customer, seller, productId}]}. Prints one JSON object with the latencies in ms.
import { readFileSync } from "node:fs";
import { caller, connect, percentile } from "./node/client.mjs";

const plan = JSON.parse(readFileSync(0, "utf8"));
const call = caller(plan.url, 50);

const answered = new Map(); // "order/version" -> when its answer was here
const received = new Map(); // "order/version" -> [[event, when]]
const expected = new Map(); // "order/version" -> how many events announce it

function note(key, event) {
  if (!received.has(key)) received.set(key, []);
  received.get(key).push([event, performance.now()]);
}

const only = (wanted) => (event, order) => {
  if (event === wanted) note(`${order.id}/${order.status}`, event);
};
const sockets = [];
for (const pair of plan.pairs) {
  sockets.push(
    await connect(plan.url, pair.customer, only("order:status")),
    await connect(plan.url, pair.seller, only("order:new")),
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
console.log(
  JSON.stringify({
    clients: sockets.length,
    changes: answered.size,
    events: latencies.length,
    missing: missing(),
    failed,
    p50: percentile(latencies, 0.5),
    p90: percentile(latencies, 0.9),
    p99: percentile(latencies, 0.99),
    max: percentile(latencies, 1),
    generatorCpuSeconds: (process.cpuUsage().user + process.cpuUsage().system) / 1e6,
  }),
);
process.exit(missing() || failed ? 1 : 0);
