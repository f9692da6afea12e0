import { createServer, type ServerResponse } from "node:http";

import { io } from "socket.io-client";
import { expect, test } from "vitest";

import { refusalOf } from "../src/refusal";
import { connectionOf, served, until } from "./client";
import { register, service } from "./people";

/** A server that answers every CONNECT with this connect_error -> its URL. */
function refusing(error: object): Promise<string> {
  const opening = JSON.stringify({ sid: "1", upgrades: [], pingInterval: 9000, pingTimeout: 9000 });
  const waiting: ServerResponse[] = [];
  const packets = [`0${opening}`];
  const server = createServer((incoming, outgoing) => {
    if (incoming.method === "POST") {
      outgoing.end("ok");
      packets.push(`44${JSON.stringify(error)}`);
    } else {
      waiting.push(outgoing);
    }
    while (packets.length > 0 && waiting.length > 0) waiting.shift()?.end(packets.shift());
  });
  return served(server);
}

test.each([
  [{ message: "Authentication required" }, "token_missing"],
  [{ message: "Invalid namespace" }, "invalid_namespace"],
  [{ message: "No such shop", data: { code: "unknown_shop" } }, "unknown_shop"],
  [{ message: "Connection rejected by server" }, "refused"],
])("the connect_error %o is the refusal %s", async (error, code) => {
  const url = await refusing(error);
  const connection = connectionOf("a token", { io: { transports: ["polling"] } }, url);
  await until(() => connection.state().state === "refused", "refused");
  expect(connection.state().refusal).toEqual({ code, message: error.message });
});

test("the service's own answer for a namespace that it does not have is called that", async () => {
  const alice = await register("customer");
  const socket = io(`${service.url}/nowhere`, { auth: { token: alice.token }, forceNew: true });
  const [error] = await new Promise<[Error]>((done) => {
    socket.on("connect_error", (...given) => {
      done(given);
    });
  });
  socket.disconnect();
  expect(refusalOf(error)).toEqual({ code: "invalid_namespace", message: "Invalid namespace" });
});
