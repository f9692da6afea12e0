// Send a durable event through the inbox: node emit.mjs EVENT TO 'JSON' [ID]
//
//   node examples/emit.mjs notification 1 '{"title": "Hello", "message": "From Node", "type": "info"}' hello-1
import { createClient } from "redis";

const [event, to, data, id] = process.argv.slice(2);

const redis = createClient({ url: process.env.REDIS_URL ?? "redis://127.0.0.1:6390/0" });
redis.on("error", (error) => {
  console.error(`not sent: ${error.message || error.code}`);
  process.exit(1);
});
await redis.connect();
const entry = await redis.xAdd("ordercast:inbox", "*", { event, to, data, ...(id && { id }) });
console.log(`accepted as ${entry}`);
await redis.close();
