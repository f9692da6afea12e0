import { expect, test } from "vitest";

import { Connection, type Handler, type Order } from "../src";
import { connectionOf, live, network, until } from "./client";
import { move, notify, offer, order, register, service, signed, tokenFor } from "./people";

test("typed events arrive, each with its offset", async () => {
  const [alice, bob] = [await register("customer"), await register("seller")];
  const [buyer, seller] = [connectionOf(alice.token), connectionOf(bob.token)];
  const moves: Parameters<Handler<"order:status">>[] = [];
  const orders: Parameters<Handler<"order:new">>[] = [];
  const low: Parameters<Handler<"inventory:low-stock">>[] = [];
  const notes: Parameters<Handler<"notification">>[] = [];
  buyer.on("order:status", (...given) => moves.push(given));
  buyer.on("notification", (...given) => notes.push(given));
  seller.on("order:new", (...given) => orders.push(given));
  seller.on("inventory:low-stock", (...given) => low.push(given));
  await Promise.all([live(buyer), live(seller)]);

  const tea = await offer(bob, { stock: 3 });
  const placed = await order(alice, tea);
  const confirmed = await move(bob, placed, "confirmed");
  await notify(alice, "Hello");

  await until(() => moves.length + orders.length + low.length + notes.length === 5, "five events");
  const { id, orderNumber, status } = confirmed;
  expect(moves).toEqual([[{ id, orderNumber, status }, expect.stringMatching(/^\d+$/)]]);
  expect(orders.map(([one]) => one)).toEqual([placed, confirmed]);
  expect(low.map(([one]) => one)).toEqual([{ id: tea.id, name: "Tea", stock: 2 }]);
  expect(notes.map(([one]) => one)).toEqual([{ title: "Hello", message: "You", type: "info" }]);
});

test("what was handled is acknowledged, once for a burst and never again", async () => {
  const alice = await register("customer");
  const connection = connectionOf(alice.token, { acknowledgeSeconds: 0.3 });
  const silent = connectionOf(alice.token, { acknowledgeSeconds: 0 });
  const offsets: (string | undefined)[] = [];
  const sent: unknown[][] = [];
  const told: unknown[][] = [];
  connection.on("notification", (_note, offset) => offsets.push(offset));
  connection.socket.onAnyOutgoing((...given: unknown[]) => sent.push(given));
  silent.socket.onAnyOutgoing((...given: unknown[]) => told.push(given));
  await Promise.all([live(connection), live(silent)]);

  for (const title of ["one", "two", "three"]) await notify(alice, title);
  await until(() => offsets.length === 3 && sent.some(([, last]) => last === offsets[2]), "acks");

  expect(sent.length).toBeLessThan(4);
  expect(sent.every(([name]) => name === "ordercast:ack")).toBe(true);
  expect(await connection.socket.emitWithAck("ordercast:ack", offsets[2] ?? "")).toEqual({ ok: true });
  expect(told).toEqual([]);
});

test("the state is told as it changes, with the transport", async () => {
  const alice = await register("customer");
  const connection = connectionOf(alice.token);
  const seen: string[] = [connection.state().state];
  connection.subscribe(() => seen.push(connection.state().state));
  await live(connection);
  await until(() => connection.state().transport === "websocket", "the upgrade");
  expect(connection.state()).toMatchObject({ recovered: false, refusal: null, connects: 1 });
  connection.end();
  expect(connection.state().state).toBe("idle");
  expect(seen.filter((one, index) => one !== seen[index - 1])).toEqual([
    "connecting",
    "live",
    "idle",
  ]);
});

test("a token is refreshed in place before it ends", async () => {
  const alice = await register("customer");
  let asked = 0;
  const connection = connectionOf(() => {
    asked += 1;
    return tokenFor(alice, 3);
  });
  const lost: string[] = [];
  connection.socket.on("disconnect", (reason) => lost.push(reason));
  await live(connection);
  const end = Date.now() + 6500; // the first, the second and the grace are over
  await until(() => asked >= 3, "asked again and again");
  const notes: string[] = [];
  connection.on("notification", ({ title }) => notes.push(title));
  await until(() => Date.now() > end, "two tokens later");
  await notify(alice, "still here");
  await until(() => notes.length === 1, "the event");
  expect(lost).toEqual([]);
  expect(connection.state().connects).toBe(1);
});

test("a fresh token is asked for at every reconnect", async () => {
  const alice = await register("customer");
  const { network: net, url } = await network();
  let asked = 0;
  const connection = connectionOf(
    async () => {
      asked += 1;
      return Promise.resolve(tokenFor(alice));
    },
    {},
    url,
  );
  await live(connection);
  net.cut();
  await live(connection, 2);
  expect(asked).toBe(2);
});

test("a source that fails for a while is asked again", async () => {
  const alice = await register("customer");
  let asked = 0;
  const connection = connectionOf(() => {
    asked += 1;
    if (asked === 1) throw new Error("away");
    return tokenFor(alice);
  });
  await live(connection);
  expect(asked).toBe(2);
});

test.each([
  ["none", null, "token_missing", "Authentication required"],
  ["not a token", "garbage", "token_invalid", "Invalid token"],
  [
    "an old one",
    signed({ sub: "7", role: "customer", type: "access", jti: "j", exp: 1, iat: 0 }),
    "token_expired",
    "Invalid token",
  ],
])("%s is refused, and it stays away", async (_name, token, code, message) => {
  let asked = 0;
  const connection = connectionOf(() => {
    asked += 1;
    return token;
  });
  await until(() => connection.state().state === "refused", "refused");
  expect(connection.state().refusal).toEqual({ code, message });
  expect(connection.socket.active).toBe(false);
  expect(asked).toBe(code === "token_expired" ? 2 : 1); // a fresh one might have been good
});

test("after a refusal it comes with a good token", async () => {
  const alice = await register("customer");
  let token = "garbage";
  const connection = connectionOf(() => token);
  await until(() => connection.state().state === "refused", "refused");
  token = alice.token;
  connection.retry();
  await live(connection);
  expect(connection.state().refusal).toBeNull();
});

test("an expired token is changed for a fresh one on the way", async () => {
  const alice = await register("customer");
  const tokens = [tokenFor(alice, -5), tokenFor(alice)];
  const connection = connectionOf(() => tokens.shift() ?? "none is left");
  await live(connection);
});

test("a lost network is no refusal", async () => {
  const alice = await register("customer");
  const { network: net, url } = await network();
  const connection = connectionOf(alice.token, {}, url);
  await live(connection);
  net.down();
  await until(() => connection.state().state === "reconnecting", "lost");
  expect(connection.state()).toMatchObject({ refusal: null, transport: null });
  expect(connection.socket.active).toBe(true);
  net.up();
  await live(connection, 2);
});

test("a logout ends it, and it stays away", async () => {
  const alice = await register("customer");
  const connection = connectionOf(alice.token);
  await live(connection);
  await alice.call("POST", "/api/auth/logout");
  await until(() => connection.state().state === "refused", "the end");
  expect(connection.state().refusal?.code).toBe("disconnected");
});

test("a source that gives somebody else's token makes it somebody else's connection", async () => {
  const [alice, charlie] = [await register("customer"), await register("customer")];
  const tokens = [tokenFor(alice, 3)];
  const connection = connectionOf(() => tokens.shift() ?? tokenFor(charlie));
  const notes: string[] = [];
  const reloads: number[] = [];
  connection.on("notification", ({ title }) => notes.push(title));
  connection.onReload(() => reloads.push(1));
  await live(connection, 1);
  await until(() => reloads.length === 2, "the other one's connection");
  await notify(alice, "for alice");
  await notify(charlie, "for charlie");
  await until(() => notes.length > 0, "an event");
  expect(notes).toEqual(["for charlie"]);
});

test("a handler that throws keeps the event from no other", async () => {
  const alice = await register("customer");
  const connection = connectionOf(alice.token);
  const notes: string[] = [];
  const reported: unknown[] = [];
  globalThis.reportError = (error) => reported.push(error);
  connection.on("notification", () => {
    throw new Error("a bug");
  });
  connection.on("notification", ({ title }) => notes.push(title));
  await live(connection);
  await notify(alice, "Hello");
  await until(() => notes.length === 1, "the event");
  expect(reported).toEqual([new Error("a bug")]);
});

test("an HTTP call has the token, and a fresh one if that is refused", async () => {
  const alice = await register("customer");
  const tokens = [tokenFor(alice, -5), tokenFor(alice)];
  const connection = new Connection(() => tokens.shift() ?? "none is left", service.url);
  const { body, offset } = await connection.request<{ orders: Order[] }>("GET", "/api/orders");
  expect(body.orders).toEqual([]);
  expect(offset).toMatch(/^\d+$/);
  await expect(connection.request("GET", "/api/orders/1000000")).rejects.toMatchObject({
    status: 404,
  });
});
