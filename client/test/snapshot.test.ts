import { afterEach, expect, test } from "vitest";

import {
  type Connection,
  disconnectSocket,
  initSocket,
  live as kept,
  type LiveValue,
  type NotificationView,
  type Order,
  withOrder,
} from "../src";
import { connectionOf, live, network, QUICK, until } from "./client";
import { move, notify, offer, order, type Person, register, service } from "./people";

afterEach(() => {
  disconnectSocket();
});

type Notes = { readonly notifications: readonly NotificationView[] };

/** The titles that are stored, the oldest first, with the position that was read before. */
async function titles(connection: Connection) {
  const { body, offset } = await connection.request<Notes>("GET", "/api/notifications?limit=100");
  return { items: body.notifications.map(({ title }) => title).reverse(), offset };
}

/** Those titles and each that comes: an event that is applied twice, or not, is seen. */
function notes(during: () => Promise<void> = () => Promise.resolve()): LiveValue<string[]> {
  return kept(
    async (connection) => {
      const read = await titles(connection);
      await during();
      return read;
    },
    { notification: (all, { title }) => [...all, title] },
  );
}

function shown<Value>(value: LiveValue<Value>, connection: Connection): () => Value | undefined {
  value.of(connection).subscribe(() => undefined);
  return () => value.of(connection).state().value;
}

async function sequenced(person: Person): Promise<void> {
  for (let events: unknown[] = []; events.length === 0; ) {
    ({ events } = await person.call<{ events: unknown[] }>("GET", "/api/events?after=0"));
  }
}

test("events after the snapshot's offset are applied, each once, and those before are not", async () => {
  const alice = await register("customer");
  const connection = connectionOf(alice.token);
  await live(connection);
  let heard = 0;
  connection.on("notification", () => {
    heard += 1;
  });
  const value = notes(async () => {
    await notify(alice, "during"); // after the snapshot was read, before it is there
    await until(() => heard === 2, "the event");
  });
  await notify(alice, "before");
  await until(() => heard === 1, "the event");
  const now = shown(value, connection);
  expect(now()).toBeUndefined();
  await until(() => now() !== undefined, "the snapshot");
  expect(now()).toEqual(["before", "during"]);
  await notify(alice, "after");
  await until(() => now()?.length === 3, "the event");
  expect(now()).toEqual(["before", "during", "after"]);
});

test("an event that overtakes a snapshot which has it is applied once", async () => {
  const alice = await register("customer");
  const connection = connectionOf(alice.token);
  await live(connection);
  let reads = 0;
  let heard = 0;
  connection.on("notification", () => {
    heard += 1;
  });
  const value = kept(
    async (from) => {
      reads += 1;
      await notify(alice, "both"); // held as an event, and in the snapshot that is read now
      await until(() => heard === 1, "the event");
      return titles(from);
    },
    { notification: (all, { title }) => [...all, title] },
  );
  const now = shown(value, connection);
  await until(() => now() !== undefined, "the snapshot");
  expect([now(), reads]).toEqual([["both"], 1]);
});

test("it is read again when the connection is not recovered, and only then", async () => {
  const alice = await register("customer");
  const { network: net, url } = await network();
  const connection = connectionOf(alice.token, {}, url);
  let reads = 0;
  const now = shown(
    notes(() => {
      reads += 1;
      return Promise.resolve();
    }),
    connection,
  );
  await until(() => now() !== undefined, "the snapshot");
  net.down();
  await notify(alice, "missed");
  net.up();
  await live(connection, 2);
  await until(() => now()?.length === 1, "what was missed");
  expect(reads).toBe(1);

  net.down(); // longer than can be replayed
  const many = Array.from({ length: 21 }, (_, number) => `missed ${number}`);
  for (const title of many) await notify(alice, title);
  for (let complete = true; complete; ) {
    ({ complete } = await alice.call<{ complete: boolean }>("GET", "/api/events?after=0"));
  }
  net.up();
  await live(connection, 3);
  await until(() => now()?.length === 22, "the new snapshot");
  expect(now()).toEqual(["missed", ...many]);
  expect(reads).toBe(2);
});

test("a fetch is a snapshot: its JSON, and its X-Event-Offset", async () => {
  const [alice, bob] = [await register("customer"), await register("seller")];
  const placed = await order(alice, await offer(bob));
  const headers = { Authorization: `Bearer ${bob.token}` };
  const value = kept<{ orders: readonly Order[] }>(
    () => fetch(`${service.url}/api/orders`, { headers }),
    { "order:new": ({ orders }, one) => ({ orders: withOrder(one)(orders) }) },
  );
  const now = shown(value, connectionOf(bob.token));
  await until(() => now() !== undefined, "the snapshot");
  expect(now()?.orders).toEqual([placed]);
  const confirmed = await move(bob, placed, "confirmed");
  await until(() => now()?.orders[0]?.status === "confirmed", "the event");
  expect(now()?.orders).toEqual([confirmed]);
});

test("a fetch that is refused, or without an offset, is a failure that says so", async () => {
  const alice = await register("customer");
  const connection = connectionOf(alice.token);
  const failure = async <Value>(value: LiveValue<Value>) => {
    shown(value, connection);
    await until(() => value.of(connection).state().status === "failed", "failed");
    return value.of(connection).state().error;
  };
  const refused = await failure(kept(() => fetch(`${service.url}/api/orders`), {}));
  expect(refused).toMatchObject({ name: "ApiError", status: 401 });
  const without = await failure(kept(() => fetch(`${service.url}/healthz`), {}));
  expect(without?.message).toContain("X-Event-Offset");
  const number = { items: [], offset: 7 as unknown as string };
  expect((await failure(kept(() => Promise.resolve(number), {})))?.message).toContain("not 7");
});

test("a reducer that throws is reported, and the snapshot is read again", async () => {
  const alice = await register("customer");
  const connection = connectionOf(alice.token);
  const reported: unknown[] = [];
  globalThis.reportError = (error) => reported.push(error);
  const value = kept(titles, {
    notification: () => {
      throw new Error("a bug");
    },
  });
  const now = shown(value, connection);
  await until(() => now() !== undefined, "the snapshot");
  await notify(alice, "Hello");
  await until(() => now()?.length === 1, "the new snapshot");
  expect(reported).toEqual([new Error("a bug")]);
});

test("a change of the page's own is shown at once, also over a snapshot on its way", async () => {
  const alice = await register("customer");
  initSocket(alice.token, service.url, { io: QUICK });
  const waiting: (() => void)[] = [];
  const value = notes(() => new Promise((done) => waiting.push(done)));
  const undo = value.subscribe(() => undefined);
  await until(() => waiting.length === 1, "a read");
  value.change((all) => [...all, "guess"]);
  expect(value.state().value).toBeUndefined();
  waiting[0]?.();
  await until(() => value.state().status === "ready", "the snapshot");
  expect(value.state().value).toEqual(["guess"]);
  value.change((all) => [...all, "another"]);
  expect(value.state().value).toEqual(["guess", "another"]);
  undo();
});

test("it goes over to the connection of the next sign-in, and shows nothing of the one before", async () => {
  const [alice, charlie] = [await register("customer"), await register("customer")];
  await notify(alice, "for alice");
  await notify(charlie, "for charlie");
  await Promise.all([sequenced(alice), sequenced(charlie)]);
  const value = notes();
  const seen: unknown[] = [];
  const undo = value.subscribe(() => seen.push(value.state().value));
  expect(value.state()).toEqual({ value: undefined, status: "loading", error: null });
  initSocket(alice.token, service.url, { io: QUICK });
  await until(() => value.state().status === "ready", "alice's");
  expect(value.state().value).toEqual(["for alice"]);
  seen.length = 0;
  initSocket(charlie.token, service.url, { io: QUICK });
  expect(value.state().value).toBeUndefined();
  await until(() => value.state().status === "ready", "charlie's");
  expect(value.state().value).toEqual(["for charlie"]);
  expect(seen).not.toContainEqual(["for alice"]);
  undo();
  const changes = seen.length;
  disconnectSocket();
  expect(seen.length).toBe(changes);
});
