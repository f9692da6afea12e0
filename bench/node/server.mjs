// The peer: Node Socket.IO with connection state recovery, one process, the in-memory adapter. It
// verifies the same JWT and joins the same rooms as our service; POST /emit {event, payload, room}.
//
//   PORT=... JWT_SECRET_KEY=... node server.mjs
import { createServer } from "node:http";
import jwt from "jsonwebtoken";
import { Server } from "socket.io";

const http = createServer((request, response) => {
  if (request.method !== "POST" || request.url !== "/emit") {
    if (!request.url.startsWith("/socket.io/")) response.writeHead(200).end("ok");
    return;
  }
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    const { event, payload, room } = JSON.parse(Buffer.concat(parts));
    io.to(room).emit(event, payload);
    response.writeHead(201, { "Content-Type": "application/json" }).end("{}");
  });
});
const io = new Server(http, {
  connectionStateRecovery: { maxDisconnectionDuration: 120_000, skipMiddlewares: false },
});

io.use((socket, next) => {
  try {
    socket.data.user = jwt.verify(socket.handshake.auth.token, process.env.JWT_SECRET_KEY);
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
http.listen(Number(process.env.PORT), "127.0.0.1");
