// The load of bench/orders.py: callers that place an order and confirm it, as fast as they are
// answered, and the stock clients of the customers and sellers. Its plan is one line of JSON on
// stdin: {url, callers, warmupSeconds, seconds, pairs: [{customer, seller, productId}]}.
//
// Prints {phase: "ready"} after the warm-up. For each line "go" it works for `seconds`, and prints
// {phase: "arrived", ...} when every event is here, or was given up. After any other line it prints
// {phase: "ended", expected, wrong}. Every event counts, those of the warm-up too.
import { createInterface } from "node:readline";
import { caller, connect, percentile } from "./client.mjs";

const COUNTED = new Set(["order:new", "order:status"]);
const LATE_MS = 20_000; // an event that is not here by then is missing
const DOUBLES_MS = 500; // a second copy is waited for

const input = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const next = async () => (await input.next()).value;
const say = (object) => console.log(JSON.stringify(object));
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const plan = JSON.parse(await next());
const call = caller(plan.url, plan.callers);

const expected = new Map(); // "recipient event order status" -> when the call began
const received = new Map(); // the same -> when it was here, each time
const missing = () => [...expected.keys()].filter((key) => !received.has(key)).length;

function listen(recipient) {
  return (event, { id, status }) => {
    if (!COUNTED.has(event)) return;
    const key = `${recipient} ${event} ${id} ${status}`;
    if (!received.has(key)) received.set(key, []);
    received.get(key).push(performance.now());
  };
}

async function arrive() {
  const deadline = performance.now() + LATE_MS;
  while (missing() && performance.now() < deadline) await sleep(10);
}

let turn = 0;
let failed = 0;

/** Place and confirm until `end` -> how long each answer took, ms. */
async function work(end) {
  const answers = [];
  async function change(began, announced, ...request) {
    const [order, at] = await call(...request);
    answers.push(at - began);
    for (const one of announced) expected.set(`${one} ${order.id} ${order.status}`, began);
    return order;
  }
  while (performance.now() < end) {
    const index = turn++ % plan.pairs.length;
    const { customer, seller, productId } = plan.pairs[index];
    const [toCustomer, toSeller] = [`customer${index} order:status`, `seller${index} order:new`];
    try {
      const items = [{ productId, quantity: 1 }];
      const { id, version } = await change(performance.now(), [toSeller], "POST", "/api/orders", customer, { items });
      const body = { status: "confirmed", version };
      const path = `/api/orders/${id}/status`;
      await change(performance.now(), [toCustomer, toSeller], "PATCH", path, seller, body);
    } catch (error) {
      failed += 1;
      console.error(error.message);
    }
  }
  return answers;
}

async function all(seconds) {
  const end = performance.now() + seconds * 1000;
  return (await Promise.all(Array.from({ length: plan.callers }, () => work(end)))).flat();
}

for (const [index, pair] of plan.pairs.entries()) {
  await connect(plan.url, pair.customer, listen(`customer${index}`));
  await connect(plan.url, pair.seller, listen(`seller${index}`));
}
await all(plan.warmupSeconds);
await arrive();
say({ phase: "ready" });

while ((await next()) === "go") {
  const began = performance.now();
  const answers = await all(plan.seconds);
  const seconds = (performance.now() - began) / 1000;
  await arrive();
  const events = [...expected].filter(([key, since]) => since >= began && received.has(key));
  const latencies = events.map(([key, since]) => received.get(key)[0] - since);
  say({
    phase: "arrived",
    changes: answers.length,
    changesPerSecond: answers.length / seconds,
    answerMs: { p50: percentile(answers, 0.5), p99: percentile(answers, 0.99) },
    eventMs: { p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99) },
  });
}
await sleep(DOUBLES_MS);
say({
  phase: "ended",
  expected: expected.size,
  wrong: {
    failed,
    missing: missing(),
    doubled: [...received.values()].filter((times) => times.length > 1).length,
    strays: [...received.keys()].filter((key) => !expected.has(key)).length,
  },
});
process.exit(0);
