// The peer of bench/compare.py: Node Socket.IO as its documentation deploys it, one process, with the
// Redis adapter. It verifies the same JWT and joins the same rooms as our service.
//
//   PORT=... REDIS_URL=... JWT_SECRET_KEY=... PING_INTERVAL=... node compare.mjs
import { createServer } from "node:http";
import { createAdapter } from "@socket.io/redis-adapter";
import jwt from "jsonwebtoken";
import { createClient } from "redis";
import { Server } from "socket.io";

const { PORT, REDIS_URL, JWT_SECRET_KEY, PING_INTERVAL } = process.env;
const publisher = createClient({ url: REDIS_URL });
const subscriber = publisher.duplicate();
await Promise.all([publisher.connect(), subscriber.connect()]);

const http = createServer((request, response) => {
  if (!request.url.startsWith("/socket.io/")) response.writeHead(200).end("ok");
});
const io = new Server(http, {
  adapter: createAdapter(publisher, subscriber),
  pingInterval: Number(PING_INTERVAL) * 1000,
});

io.use((socket, next) => {
  try {
    const claims = jwt.verify(socket.handshake.auth.token, JWT_SECRET_KEY, { algorithms: ["HS256"] });
    if (claims.type !== "access") throw new Error("not an access token");
    socket.data.user = claims;
    next();
  } catch {
    next(new Error("Invalid token"));
  }
});
io.on("connection", (socket) => {
  const { sub, role } = socket.data.user;
  socket.join(`user:${sub}`);
  if (role === "seller") socket.join(`seller:${sub}`);
});
http.listen(Number(PORT), "127.0.0.1");
