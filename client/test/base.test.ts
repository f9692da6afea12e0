import { expect, test, vi } from "vitest";

import type { Order } from "../src";
import { baseOf, socketPath } from "../src/base";
import { connectionOf, live, QUICK, until } from "./client";
import { mounted } from "./mounted";
import { notify, register } from "./people";

const PAGE = "https://shop.example/app/index.html";

test.each([
  ["https://shop.example", "https://shop.example", "/socket.io"],
  ["https://shop.example/", "https://shop.example", "/socket.io"],
  ["https://shop.example:8443/api/realtime", "https://shop.example:8443/api/realtime", "/api/realtime/socket.io"],
  ["https://shop.example/api/realtime//", "https://shop.example/api/realtime", "/api/realtime/socket.io"],
  ["wss://shop.example/live", "https://shop.example/live", "/live/socket.io"],
  ["/api/realtime", "https://shop.example/api/realtime", "/api/realtime/socket.io"],
  ["/", "https://shop.example", "/socket.io"],
  ["live", "https://shop.example/app/live", "/app/live/socket.io"],
  ["capacitor://localhost", "capacitor://localhost", "/socket.io"],
])("the base %s is %s for HTTP, and %s for the socket", (given, url, path) => {
  const base = baseOf(given, PAGE);
  expect(base.url).toBe(url);
  expect(url.startsWith(base.origin)).toBe(true);
  expect(socketPath(base)).toBe(path);
});

test("socket.io's own path is within the prefix", () => {
  const base = baseOf("https://shop.example/api/");
  expect(socketPath(base, "/live/")).toBe("/api/live/");
  expect(socketPath(base, "live")).toBe("/api/live");
});

test.each(["/api/realtime", "localhost:8000", "", "https://shop.example/?token=1", "https://a.example/#b"])(
  "%o is no base where there is no page",
  (given) => {
    expect(() => baseOf(given, undefined)).toThrow(JSON.stringify(given));
  },
);

test("behind a prefix, HTTP and both transports reach the service", async () => {
  const alice = await register("customer");
  const origin = await mounted("/api/realtime");
  const connection = connectionOf(alice.token, {}, `${origin}/api/realtime/`);
  const heard = vi.fn();
  connection.on("notification", heard);
  await live(connection);
  await until(() => connection.state().transport === "websocket", "the upgrade");
  const { body } = await connection.request<{ orders: Order[] }>("GET", "/api/orders");
  expect(body.orders).toEqual([]);
  await notify(alice, "Hello");
  await until(() => heard.mock.calls.length === 1, "the event");
});

test("a path that is given to socket.io is one of the service", async () => {
  const alice = await register("customer");
  const origin = await mounted("/api");
  const io = { ...QUICK, path: "/socket.io/" };
  await live(connectionOf(alice.token, { io }, `${origin}/api`));
});
