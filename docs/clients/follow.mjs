// Every event of one user, once, also over restarts of this script: node follow.mjs bob@example.com
// The stock client; the place (pid and offset) is kept in a file. URL, PASSWORD, PLACE: environment.
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { io } from "socket.io-client";

const { URL: url = "http://127.0.0.1:8000", PASSWORD = "ordercast-demo", PLACE = "place.json" } = process.env;
const CONNECT = 0; // packet type, Socket.IO protocol 5

const post = async (path, body) => {
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(`${url}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
};

let login = await post("/api/auth/login", { email: process.argv[2], password: PASSWORD });
let place = {};
try {
  place = JSON.parse(readFileSync(PLACE, "utf8"));
} catch {
  // the first start
}
const keep = (next) => {
  place = next;
  writeFileSync(`${PLACE}.new`, JSON.stringify(place));
  renameSync(`${PLACE}.new`, PLACE); // whole, whenever this process dies
};
const freshToken = async () => {
  login = await post("/api/auth/refresh", { refreshToken: login.refreshToken });
  return login.accessToken;
};

const socket = io(url, {
  autoConnect: false,
  transports: ["websocket", "polling"], // no upgrade: cut in the middle of one, a client takes 45 s to notice
  tryAllTransports: true,
  auth: (answer) => answer({ token: login.accessToken, ...place }), // over the client's own pid and offset
});

// The answer to CONNECT, before the client reads it. The pid that we sent: what was missed follows.
socket.io.on("packet", ({ type, data }) => {
  if (type !== CONNECT) return;
  const recovered = data.pid === place.pid;
  console.error(recovered ? "connected, recovered" : "connected anew: read your snapshots");
  if (!recovered) keep({ pid: data.pid });
});
socket.io.on("open", () => (socket.receiveBuffer.length = 0)); // what was cut off comes again
socket.onAny((event, ...given) => {
  console.log(JSON.stringify([event, ...given])); // handle it first,
  if (typeof given.at(-1) === "string") keep({ ...place, offset: given.at(-1) }); // then keep that
});

socket.on("connect_error", async (error) => {
  if (socket.active) return; // the network: the client tries again by itself
  if (error.data?.code !== "token_expired") throw new Error(`refused: ${error.message}`);
  await freshToken();
  socket.connect();
});
socket.on("disconnect", (reason) => {
  if (reason === "io server disconnect") throw new Error("logged out");
});
const renew = async () => {
  try {
    const answer = await socket.timeout(10_000).emitWithAck("auth:refresh", { token: await freshToken() });
    if (!answer.ok) throw new Error(answer.error.code);
  } catch (error) {
    console.error(`not refreshed: ${error.message}`); // the connection ends, and the next has a fresh one
  }
  setTimeout(renew, login.expiresIn * 800);
};
setTimeout(renew, login.expiresIn * 800); // a fifth before the end

socket.connect();
