// The load of bench/durable.py: stock clients, each of which gets every so-manieth event. Its plan
// is one line of JSON on stdin: {url, tokens}. An event's `title` is "<seq> <source> <sent>": its
// number, the process that sent it, and when, in ns of the monotonic clock.
//
// Prints {phase: "ready"} when all are connected. For each line {first, count}, events of which
// `seq` goes to client `seq % clients`, it prints {phase: "expecting"}; after the next line, by which
// all were sent, it prints {phase: "arrived", ...} when all are here, or were given up.
import { createInterface } from "node:readline";
import { io } from "socket.io-client";
import { percentile } from "./client.mjs";

const LATE_MS = 30_000; // an event that is not here by then is missing
const DOUBLES_MS = 200; // a second copy is waited for

const input = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (object) => console.log(JSON.stringify(object));
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const plan = JSON.parse((await input.next()).value);
const clients = plan.tokens.length;
let expected = null;

function listen(index) {
  const last = new Map(); // source -> the last seq of it
  let offset = 0n;
  return ({ title }, position) => {
    const at = process.hrtime.bigint();
    const [seq, source, sent] = title.split(" ");
    const number = Number(seq) - expected.first;
    if (!(number >= 0 && number < expected.count) || Number(seq) % clients !== index) {
      expected.strays += 1;
      return;
    }
    if (expected.seen[number]) expected.doubled += 1;
    else expected.arrived += 1;
    expected.seen[number] = 1;
    if (Number(seq) < (last.get(source) ?? -1) || BigInt(position) <= offset) expected.disordered += 1;
    last.set(source, Number(seq));
    offset = BigInt(position);
    expected.lastAt = at;
    expected.latencies.push(Number(at - BigInt(sent)) / 1e6);
  };
}

for (const [index, token] of plan.tokens.entries()) {
  const socket = io(plan.url, { auth: { token }, transports: ["websocket"], forceNew: true });
  socket.on("notification", listen(index));
  await new Promise((resolve, reject) => {
    socket.on("connect", resolve);
    socket.on("connect_error", reject);
  });
}
say({ phase: "ready" });

for (let line = await input.next(); !line.done; line = await input.next()) {
  const { first, count } = JSON.parse(line.value);
  expected = { first, count, seen: new Uint8Array(count), latencies: [], lastAt: 0n };
  Object.assign(expected, { arrived: 0, strays: 0, doubled: 0, disordered: 0 });
  const before = process.cpuUsage();
  say({ phase: "expecting" });
  await input.next();
  const deadline = performance.now() + LATE_MS;
  while (expected.arrived < count && performance.now() < deadline) await sleep(5);
  const { user, system } = process.cpuUsage(before);
  await sleep(DOUBLES_MS);
  const { arrived, strays, doubled, disordered, latencies } = expected;
  say({
    phase: "arrived",
    lastAt: String(expected.lastAt),
    cpuSeconds: (user + system) / 1e6,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    wrong: { missing: count - arrived, strays, doubled, disordered },
  });
}
process.exit(0);
