// Log in over HTTP, connect with the token, print every event: node listen.mjs bob@example.com
import { io } from "socket.io-client";

const url = process.env.URL ?? "http://127.0.0.1:8000";
const [email, password = "ordercast-demo"] = process.argv.slice(2);

const answer = await fetch(`${url}/api/auth/login`, {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ email, password }),
});
const body = await answer.json();
if (!answer.ok) throw new Error(body.error.message);

const socket = io(url, { auth: { token: body.accessToken } });
socket.on("connect", () => console.log(`${body.user.name} is connected`));
socket.on("connect_error", (error) => console.log(`refused: ${error.message}`, error.data ?? ""));
socket.on("disconnect", (reason) => console.log(`disconnected: ${reason}`));
socket.onAny((event, payload, offset) => console.log(event, JSON.stringify(payload), `offset ${offset}`));
