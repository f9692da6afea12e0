// One event through @socket.io/redis-emitter, for bench/emitter.py to learn its format from:
//
//   node emit.mjs REDIS_URL ROOM EVENT PAYLOAD
import { Emitter } from "@socket.io/redis-emitter";
import { createClient } from "redis";

const [url, room, event, payload] = process.argv.slice(2);
const redis = await createClient({ url }).connect();
new Emitter(redis).to(room).emit(event, JSON.parse(payload));
await redis.close();
