import { expect, test, vi } from "vitest";

import type { Connection, Handler } from "../src";
import { connectionOf, live, network, QUICK, Tab, until } from "./client";
import { notify, type Person, register, service } from "./people";

function titles(connection: Connection): string[] {
  const heard: string[] = [];
  connection.on("notification", ({ title }) => heard.push(title));
  return heard;
}

function reloads(connection: Connection): () => number {
  const told = vi.fn();
  connection.onReload(told);
  return () => told.mock.calls.length;
}

async function tell(person: Person, ...names: string[]): Promise<void> {
  for (const name of names) await notify(person, name);
}

/** Until all of this person's events have a position, and they are more than can be replayed. */
async function tooMany(person: Person): Promise<void> {
  for (let complete = true; complete; ) {
    ({ complete } = await person.call<{ complete: boolean }>("GET", "/api/events?after=0"));
  }
}

test("what was missed during a cut comes, once and in order, and nothing is read again", async () => {
  const alice = await register("customer");
  const { network: net, url } = await network();
  const connection = connectionOf(alice.token, {}, url);
  const heard = titles(connection);
  const reloaded = reloads(connection);
  await live(connection);
  await tell(alice, "a");
  await until(() => heard.length === 1, "the first");
  net.down();
  await tell(alice, "b", "c");
  net.up();
  await live(connection, 2);
  await tell(alice, "d");
  await until(() => heard.includes("d"), "the last");
  expect(heard).toEqual(["a", "b", "c", "d"]);
  expect(connection.state().recovered).toBe(true);
  expect(reloaded()).toBe(1); // at the first connect
});

test("one that missed too much is told to read again", async () => {
  const alice = await register("customer");
  const { network: net, url } = await network();
  const connection = connectionOf(alice.token, {}, url);
  const heard = titles(connection);
  const reloaded = reloads(connection);
  await live(connection);
  net.down();
  await tell(alice, ...Array.from({ length: 21 }, (_, number) => `missed ${number}`));
  await tooMany(alice);
  net.up();
  await live(connection, 2);
  expect(connection.state().recovered).toBe(false);
  expect(reloaded()).toBe(2);
  await tell(alice, "new");
  await until(() => heard.length > 0, "an event");
  expect(heard).toEqual(["new"]);

  net.cut(); // the place is a new one, and good
  await live(connection, 3);
  expect(connection.state().recovered).toBe(true);
});

test("a reload of the page goes on where the page before was", async () => {
  const alice = await register("customer");
  const tab = new Tab();
  const before = connectionOf(alice.token, tab.options);
  const heardBefore = titles(before);
  await live(before);
  await tell(alice, "a");
  await until(() => heardBefore.length === 1, "the first");
  tab.hide();
  before.end();

  await tell(alice, "b");
  const after = connectionOf(alice.token, tab.next().options);
  const heard = titles(after);
  const reloaded = reloads(after);
  await live(after);
  await until(() => heard.length === 1, "what was missed");
  expect(heard).toEqual(["b"]);
  expect(after.state().recovered).toBe(true);
  expect(reloaded()).toBe(0);
});

test("a page that has seen no event yet goes on too", async () => {
  const alice = await register("customer");
  const tab = new Tab();
  const before = connectionOf(alice.token, tab.options);
  await live(before);
  tab.hide();
  before.end();
  await tell(alice, "a");
  const after = connectionOf(alice.token, tab.next().options);
  const heard = titles(after);
  await until(() => heard.length === 1, "what was missed");
  expect(after.state().recovered).toBe(true);
});

test("a tab that is copied while it is shown is another client", async () => {
  const alice = await register("customer");
  const tab = new Tab();
  const one = connectionOf(alice.token, tab.options);
  await live(one);
  const two = connectionOf(alice.token, tab.next().options);
  const [first, second] = [titles(one), titles(two)];
  await live(two);
  expect(two.state().recovered).toBe(false);
  await tell(alice, "both");
  await until(() => first.length === 1 && second.length === 1, "both hear it");
  expect([one.state().connects, two.state().connects]).toEqual([1, 1]);
});

test("of two tabs with one place only one keeps it", async () => {
  const alice = await register("customer");
  const tab = new Tab();
  const before = connectionOf(alice.token, tab.options);
  await live(before);
  tab.hide();
  before.end();
  const one = connectionOf(alice.token, tab.next().options);
  const two = connectionOf(alice.token, tab.next().options);
  const [first, second] = [titles(one), titles(two)];
  await Promise.all([live(one), live(two)]);
  await tell(alice, "both");
  await until(() => first.length === 1 && second.length === 1, "both hear it");
  const settled = [one.state().connects, two.state().connects];
  await tell(alice, "again");
  await until(() => first.length === 2 && second.length === 2, "and go on hearing");
  expect([one.state().connects, two.state().connects]).toEqual(settled);
});

test.each([
  ["is none", null],
  ["is forbidden", { getItem: forbidden, setItem: forbidden, removeItem: forbidden }],
  [
    "holds something else",
    { setItem: () => undefined, removeItem: () => undefined, getItem: () => '{"pid": 7' },
  ],
])("it works where the storage %s", async (_name, storage) => {
  const alice = await register("customer");
  const page = new EventTarget();
  const { network: net, url } = await network();
  const connection = connectionOf(alice.token, { storage, page }, url);
  const heard = titles(connection);
  await live(connection);
  net.cut();
  await live(connection, 2);
  expect(connection.state().recovered).toBe(true);
  page.dispatchEvent(new Event("pagehide"));
  await tell(alice, "a");
  await until(() => heard.length === 1, "the event");
});

test("somebody else's place is no place", async () => {
  const [alice, charlie] = [await register("customer"), await register("customer")];
  const tab = new Tab();
  const before = connectionOf(alice.token, tab.options);
  await live(before);
  tab.hide();
  before.end();
  const after = connectionOf(charlie.token, tab.next().options);
  await live(after);
  expect(after.state().recovered).toBe(false);
});

test("after a sign-out nothing is kept", async () => {
  const alice = await register("customer");
  const tab = new Tab();
  const connection = connectionOf(alice.token, tab.options);
  await live(connection);
  connection.end();
  tab.hide();
  expect(tab.storage.getItem(`ordercast:${service.url}`)).toBeNull();
});

test("an event that comes twice is handled once", async () => {
  const alice = await register("customer");
  const connection = connectionOf(alice.token);
  const heard = titles(connection);
  const stock: Parameters<Handler<"notification">>[] = [];
  connection.socket.on("notification", (...given) => stock.push(given));
  await live(connection);
  await tell(alice, "a");
  await until(() => stock.length === 1, "the event");
  // As if the server said it once more.
  const again = `2${JSON.stringify(["notification", ...(stock[0] ?? [])])}`;
  type Wire = { emitReserved(name: "data", data: string): void };
  (connection.socket.io.engine as unknown as Wire).emitReserved("data", again);
  await until(() => stock.length === 2, "the stock socket has it twice");
  await tell(alice, "b");
  await until(() => heard.includes("b"), "the next");
  expect(heard).toEqual(["a", "b"]);
});

test("a transport that is closed inside a handler brings nothing twice", async () => {
  const alice = await register("customer");
  const { network: net, url } = await network();
  const io = { ...QUICK, transports: ["polling"] }; // several packets in one answer
  const connection = connectionOf(alice.token, { io }, url);
  const stock: string[] = []; // of a stock handler, which hears the receive buffer as well
  await live(connection);
  net.down();
  await tell(alice, "a", "b", "c");
  connection.socket.on("notification", ({ title }) => {
    stock.push(title);
    if (title === "a") connection.socket.io.engine.close();
  });
  net.up();
  await live(connection, 3);
  await tell(alice, "d");
  await until(() => stock.includes("d"), "the last");
  expect(stock).toEqual(["a", "b", "c", "d"]);
});

function forbidden(): never {
  throw new DOMException("The operation is insecure.", "SecurityError");
}
