import { expect, test } from "vitest";

import {
  type Connection,
  type Live,
  lowStock,
  notifications,
  type Order,
  type Orders,
  sellerOrders,
} from "../src";
import { connectionOf, live, network, until } from "./client";
import { move, notify, offer, order, type Person, register } from "./people";

/** Kept up to date until the test is over; -> what it is now. */
function kept<Value>(list: Live<Value>): () => Value {
  list.subscribe(() => undefined);
  return () => list.state().value;
}

/** Until this person's event has its position: who connects now does not hear it. */
async function sequenced(person: Person): Promise<void> {
  for (let events: unknown[] = []; events.length === 0; ) {
    ({ events } = await person.call<{ events: unknown[] }>("GET", "/api/events?after=0"));
  }
}

async function fresh(connection: Connection): Promise<Orders> {
  type Page = { orders: Orders; nextCursor: string | null };
  const { body } = await connection.request<Page>("GET", "/api/orders?limit=100");
  return body.orders;
}

test("snapshot + events == fresh snapshot, through cuts and too long absences", async () => {
  const [alice, bob] = [await register("customer"), await register("seller")];
  const { network: net, url } = await network();
  const tea = await offer(bob);
  const placed: Order[] = [await order(alice, tea), await order(alice, tea)];
  const connection = connectionOf(bob.token, {}, url);
  const list = sellerOrders(connection);
  const orders = kept(list);

  // While it connects and reads: each is in the snapshot, or comes as an event, or both.
  for (let count = 0; count < 4; count += 1) placed.push(await order(alice, tea));
  await equal();

  net.cut(); // recovered: by events alone
  for (const one of placed.slice(0, 3)) await move(bob, one, "confirmed");
  await live(connection, 2);
  await equal();

  net.down(); // too many: by the snapshot
  for (let count = 0; count < 21; count += 1) placed.push(await order(alice, tea));
  net.up();
  for (const one of placed.slice(0, 3)) await move(bob, one, "processing");
  await live(connection, 3);
  for (const one of placed.slice(3, 5)) await move(bob, one, "cancelled");
  await equal();
  expect(orders()).toHaveLength(27);

  async function equal(): Promise<void> {
    const wanted = await fresh(connection);
    await until(() => JSON.stringify(orders()) === JSON.stringify(wanted), "the same list");
    expect(orders()).toEqual(wanted);
    expect(list.state().status).toBe("ready");
  }
});

test("what comes while the list is read is in it", async () => {
  const [alice, bob] = [await register("customer"), await register("seller")];
  const tea = await offer(bob);
  const placed = await order(alice, tea);
  const connection = connectionOf(bob.token);
  await live(connection);
  const { fetch } = globalThis;
  const heard: string[] = [];
  connection.on("order:new", ({ id, status }) => heard.push(`${id} ${status}`));
  globalThis.fetch = async (...call) => {
    globalThis.fetch = fetch;
    const answer = await fetch(...call); // read, and on its way so long that two events overtake it
    await move(bob, placed, "confirmed");
    const next = await order(alice, tea);
    const both = [`${placed.id} confirmed`, `${next.id} pending`];
    await until(() => both.every((one) => heard.includes(one)), "both events");
    return answer;
  };
  const orders = kept(sellerOrders(connection));
  await until(() => sellerOrders(connection).state().status === "ready", "the list");
  expect(orders()).toEqual(await fresh(connection));
});

test("a list of several pages is whole", async () => {
  const [alice, bob] = [await register("customer"), await register("seller")];
  const tea = await offer(bob, { stock: 200 });
  for (let count = 0; count < 103; count += 1) await order(alice, tea);
  const orders = kept(sellerOrders(connectionOf(bob.token)));
  await until(() => orders().length === 103, "both pages");
  const numbers = orders().map(({ id }) => Number(id));
  expect(numbers).toEqual([...numbers].sort((a, b) => b - a));
});

test("an order can be shown before its event, and taken back", async () => {
  const [alice, bob] = [await register("customer"), await register("seller")];
  const placed = await order(alice, await offer(bob));
  const list = sellerOrders(connectionOf(bob.token));
  const orders = kept(list);
  await until(() => orders().length === 1, "the list");
  const { withOrder } = await import("../src");
  list.change(withOrder({ ...placed, status: "confirmed" }));
  expect(orders()[0]?.status).toBe("confirmed");
  list.change(withOrder(placed));
  expect(orders()).toEqual([placed]);
});

test("low stock follows sales and cancelled orders", async () => {
  const [alice, bob] = [await register("customer"), await register("seller")];
  const tea = await offer(bob, { stock: 3 });
  await offer(bob, { name: "Coffee" });
  const products = kept(lowStock(connectionOf(bob.token)));
  const list = () => products().map(({ id, stock }) => [id, stock]);
  const first = await order(alice, tea);
  await until(() => list().length === 1, "the alert");
  expect(list()).toEqual([[tea.id, 2]]);
  await order(alice, tea);
  await until(() => list()[0]?.[1] === 1, "the sale");
  await move(bob, first, "cancelled");
  await until(() => list()[0]?.[1] === 2, "the cancelled order");
});

test("a list is read although events come faster than answers", async () => {
  const [alice, bob] = [await register("customer"), await register("seller")];
  const [tea] = [await offer(bob, { stock: 2 }), await offer(bob)];
  const connection = connectionOf(bob.token);
  await live(connection);
  const { fetch } = globalThis;
  globalThis.fetch = async (...call) => {
    const answer = await fetch(...call);
    const isSlow = (call[0] as string).includes("/api/products?");
    if (isSlow) await new Promise((done) => setTimeout(done, 700));
    return answer;
  };
  const list = lowStock(connection);
  const products = kept(list);
  while (list.state().status === "loading") await order(alice, await offer(bob));
  globalThis.fetch = fetch;
  expect(products().map(({ id }) => id)).toEqual([tea.id]);
});

test("notifications are as stored, and those that arrived", async () => {
  const alice = await register("customer");
  const old = await notify(alice, "old");
  await sequenced(alice);
  const state = kept(notifications(connectionOf(alice.token)));
  await until(() => state().stored.length === 1, "the list");
  expect(state()).toEqual({ stored: [old], received: [] });
  const hello = await notify(alice, "Hello");
  await until(() => state().stored.length === 2, "both");
  expect(state().stored).toEqual([hello, old]);
  expect(state().received).toMatchObject([{ title: "Hello", message: "You", type: "info" }]);
});

test("a read that fails is tried again", async () => {
  const [alice, bob] = [await register("customer"), await register("seller")];
  const placed = await order(alice, await offer(bob));
  const { network: net, url } = await network();
  const connection = connectionOf(bob.token, {}, url);
  const list = sellerOrders(connection);
  await live(connection);
  const { fetch } = globalThis;
  globalThis.fetch = () => Promise.reject(new TypeError("away"));
  const orders = kept(list);
  await until(() => list.state().status === "failed", "failed");
  expect(list.state().error?.message).toBe("away");
  globalThis.fetch = fetch;
  await until(() => list.state().status === "ready", "ready");
  expect(orders()).toEqual([placed]);
  net.cut();
  await live(connection, 2);
  expect(orders()).toEqual([placed]);
});
