import { createServer } from "node:http";

import { expect, test } from "vitest";

import { type ApiError, Connection, NetworkError, type Order, type ProductView, request } from "../src";
import { network, served } from "./client";
import { offer, register, service, tokenFor } from "./people";

/** A server that answers each request with this -> its URL. */
function answering(status: number, body: string): Promise<string> {
  return served(createServer((_incoming, outgoing) => outgoing.writeHead(status).end(body)));
}

test("a source is told which token was refused, and may give another", async () => {
  const alice = await register("customer");
  const [old, good] = [tokenFor(alice, -5), tokenFor(alice)];
  const asked: (string | null)[] = [];
  const source = (refused: string | null) => {
    asked.push(refused);
    return refused === null ? old : good;
  };
  const connection = new Connection(source, service.url);
  const { body } = await connection.request<{ orders: Order[] }>("GET", "/api/orders");
  expect(body.orders).toEqual([]);
  expect(asked).toEqual([null, old]);
});

test("a call has the headers that it is given", async () => {
  const bob = await register("seller");
  const tea: ProductView = await offer(bob);
  const connection = new Connection(bob.token, service.url);
  const add = () =>
    connection.request<ProductView>("POST", `/api/products/${tea.id}/stock`, { delta: 1 }, {
      "Idempotency-Key": `${tea.id}-once`,
    });
  expect((await add()).body.stock).toBe(tea.stock + 1);
  expect((await add()).body.stock).toBe(tea.stock + 1);
});

test("no answer is a NetworkError, and an error's answer an ApiError with its code", async () => {
  const { network: net, url } = await network();
  const call = { method: "GET", path: "/api/orders" };
  const refused = await request(url, call).catch((error: unknown) => error);
  expect(refused).toMatchObject({ name: "ApiError", status: 401, code: "authentication_required" });
  net.down();
  const lost = await request(url, call).catch((error: unknown) => error);
  expect(lost).toBeInstanceOf(NetworkError);
  expect((lost as NetworkError).cause).toBeInstanceOf(TypeError);
});

test.each([
  [200, "<p>Log in</p>", "unreadable", "The service answered 200 without JSON."],
  [502, "<p>Bad gateway</p>", "unknown", "Bad Gateway"],
  [418, '{"error": "teapot"}', "unknown", "I'm a Teapot"],
])("an answer of something else, %d %s, is an ApiError too", async (status, body, code, message) => {
  const url = await answering(status, body);
  const error = await request(url, { method: "GET", path: "/" }).catch((one: unknown) => one);
  const { name } = error as ApiError;
  expect([name, error]).toEqual(["ApiError", expect.objectContaining({ status, code, message })]);
});

test("an empty answer has no body", async () => {
  const url = await answering(200, "");
  expect(await request(url, { method: "GET", path: "/" })).toEqual({ body: undefined, offset: undefined });
});
