// The peer of bench/compare.py: Node Socket.IO with the Redis adapter, one process.
//
//   PORT=... REDIS_URL=... JWT_SECRET_KEY=... PING_INTERVAL=... node compare.mjs
import { createServer } from "node:http";
import { sockets } from "./sockets.mjs";

const http = createServer((request, response) => {
  if (!request.url.startsWith("/socket.io/")) response.writeHead(200).end("ok");
});
await sockets(http);
http.listen(Number(process.env.PORT), "127.0.0.1");
