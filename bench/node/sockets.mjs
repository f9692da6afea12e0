// Node's Socket.IO as its documentation deploys it: the Redis adapter, the same JWT verified in a
// middleware and the same rooms joined as our service.
import { createAdapter } from "@socket.io/redis-adapter";
import jwt from "jsonwebtoken";
import { createClient } from "redis";
import { Server } from "socket.io";

const { REDIS_URL, JWT_SECRET_KEY, PING_INTERVAL } = process.env;

/** The claims of an access token; throws for any other token. */
export function identity(token) {
  const claims = jwt.verify(token, JWT_SECRET_KEY, { algorithms: ["HS256"] });
  if (claims.type !== "access") throw new Error("not an access token");
  return claims;
}

/** Socket.IO on an HTTP server -> io. */
export async function sockets(http) {
  const publisher = createClient({ url: REDIS_URL });
  const subscriber = publisher.duplicate();
  await Promise.all([publisher.connect(), subscriber.connect()]);
  const io = new Server(http, {
    adapter: createAdapter(publisher, subscriber),
    pingInterval: Number(PING_INTERVAL) * 1000,
  });
  io.use((socket, next) => {
    try {
      socket.data.user = identity(socket.handshake.auth.token);
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
  return io;
}
