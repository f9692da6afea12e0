// @vitest-environment happy-dom
import { StrictMode } from "react";
import { afterEach, expect, test } from "vitest";

import {
  disconnectSocket,
  getSocket,
  initSocket,
  onEvent,
  type Order,
  type TokenSource,
} from "../src";
import {
  useConnection,
  useLowStock,
  useNotifications,
  useOrderUpdates,
  useReload,
  useSellerOrders,
  useSocket,
} from "../src/react";
import { QUICK, until } from "./client";
import { endPages, show } from "./page";
import { move, notify, offer, order, type Person, register, service, tokenFor } from "./people";

afterEach(() => {
  endPages();
  disconnectSocket();
  sessionStorage.clear();
});

function signIn(source: TokenSource, options: object = {}) {
  return initSocket(source, service.url, { io: QUICK, ...options });
}

function State() {
  const { state, recovered, transport } = useConnection();
  return <p>{`${state} ${String(recovered)} ${transport ?? "none"}`}</p>;
}

function Moves({ id, log }: { id: string; log: string[] }) {
  useOrderUpdates(id, ({ status }) => {
    log.push(status);
  });
  return null;
}

function Board() {
  const { orders, status } = useSellerOrders();
  return (
    <p>{status === "ready" ? orders.map((one) => `${one.id}:${one.status}`).join(" ") : status}</p>
  );
}

async function anOrder(): Promise<{ alice: Person; bob: Person; placed: Order }> {
  const [alice, bob] = [await register("customer"), await register("seller")];
  return { alice, bob, placed: await order(alice, await offer(bob)) };
}

async function connected(): Promise<void> {
  await until(() => getSocket()?.connected === true, "connected");
}

test("the socket is there at the first render", async () => {
  const alice = await register("customer");
  const socket = signIn(alice.token);
  const seen: unknown[] = [];
  function Look() {
    seen.push(useSocket());
    return null;
  }
  show(<Look />);
  await until(() => seen.length > 0, "a render");
  expect(seen[0]).toBe(socket);
});

test("nobody is signed in, and then somebody is", async () => {
  const page = show(<State />);
  await until(() => page.text() !== "", "a render");
  expect(page.text()).toBe("idle false none");
  const alice = await register("customer");
  signIn(alice.token);
  await until(() => page.text() === "live false websocket", "live");
  disconnectSocket();
  await until(() => page.text() === "idle false none", "signed out");
});

test("a cut and its end are shown", async () => {
  const alice = await register("customer");
  const page = show(<State />);
  const socket = signIn(alice.token);
  await until(() => page.text() === "live false websocket", "live");
  socket.io.engine.close();
  await until(() => page.text() === "reconnecting false none", "lost");
  await until(() => page.text() === "live true websocket", "recovered");
});

test("two components have one connection, and one that goes takes its own listener only", async () => {
  const { alice, bob, placed } = await anOrder();
  const socket = signIn(alice.token);
  const [one, two, own]: [string[], string[], string[]] = [[], [], []];
  const both = (withSecond: boolean) => (
    <>
      <Moves id={placed.id} log={one} />
      {withSecond ? <Moves id={placed.id} log={two} /> : null}
      <Moves id="0" log={own} />
    </>
  );
  const page = show(both(true));
  await connected();
  expect(getSocket()).toBe(socket);
  expect(signIn(alice.token)).toBe(socket);
  await move(bob, placed, "confirmed");
  await until(() => one.length + two.length === 2, "both hear it");
  page.render(both(false));
  await new Promise((done) => setTimeout(done, 50));
  await move(bob, placed, "processing");
  await until(() => one.length === 2, "the other still hears");
  expect([one, two, own]).toEqual([["confirmed", "processing"], ["confirmed"], []]);
});

test("in StrictMode everything is heard once, by one connection", async () => {
  const { alice, bob, placed } = await anOrder();
  let asked = 0;
  signIn(
    () => {
      asked += 1;
      return tokenFor(alice);
    },
    { lazy: true },
  );
  const log: string[] = [];
  show(
    <StrictMode>
      <Moves id={placed.id} log={log} />
      <State />
    </StrictMode>,
  );
  await connected();
  await move(bob, placed, "confirmed");
  await move(bob, placed, "processing");
  await until(() => log.length >= 2, "both moves");
  expect(log).toEqual(["confirmed", "processing"]);
  expect(asked).toBe(1);
});

test("a lazy connection lasts from the first hook to the last", async () => {
  const alice = await register("customer");
  const socket = signIn(alice.token, { lazy: true });
  const page = show(<State />);
  await connected();
  page.render(null);
  await until(() => !socket.connected, "disconnected after the last");
  page.render(<State />);
  await until(() => page.text() === "live true websocket", "back, where it was");
});

test("the seller's orders are a list that stays true, in two components at once", async () => {
  const { alice, bob, placed } = await anOrder();
  signIn(bob.token);
  const page = show(
    <StrictMode>
      <Board />|<Board />
    </StrictMode>,
  );
  const shows = (list: string) =>
    until(() => page.text() === `${list}|${list}`, `${list}, but ${page.text()}`);
  await shows(`${placed.id}:pending`);
  await move(bob, placed, "confirmed");
  await shows(`${placed.id}:confirmed`);
  const tea = await offer(bob);
  const next = await order(alice, tea);
  await shows(`${next.id}:pending ${placed.id}:confirmed`);
});

test("another user's sign-in shows nothing of the one before", async () => {
  const [first, second] = [await anOrder(), await anOrder()];
  signIn(first.bob.token);
  const page = show(<Board />);
  await until(() => page.text() === `${first.placed.id}:pending`, "the first seller's");
  disconnectSocket();
  signIn(second.bob.token);
  await until(() => page.text() !== `${first.placed.id}:pending`, "another list");
  await until(() => page.text() === `${second.placed.id}:pending`, "the second seller's");
});

test("low stock and notifications are shown, and can be read", async () => {
  const { alice, bob } = await anOrder();
  signIn(bob.token);
  function Desk() {
    const { products } = useLowStock();
    const { stored, received, unread, markRead } = useNotifications();
    const names = products.map(({ name, stock }) => `${name} ${stock}`);
    const counts = `${stored.length} stored, ${received.length} new, ${unread} unread`;
    const read = () => Promise.all(stored.map(({ id }) => markRead(id)));
    return <button onClick={() => void read()}>{[...names, counts].join("; ")}</button>;
  }
  const page = show(<Desk />);
  await connected();
  await order(alice, await offer(bob, { name: "Mate", stock: 3 }));
  await notify(bob, "Hello");
  await until(() => page.text() === "Mate 2; 1 stored, 1 new, 1 unread", "both");
  page.click();
  await until(() => page.text() === "Mate 2; 1 stored, 1 new, 0 unread", "read");
});

test("what has to be read again is said, at first and after a loss of place", async () => {
  const alice = await register("customer");
  let reloads = 0;
  function Page() {
    useReload(() => {
      reloads += 1;
    });
    return null;
  }
  const socket = signIn(alice.token);
  show(<Page />);
  await until(() => reloads === 1, "the first");
  socket.io.engine.close();
  await until(() => !socket.connected, "lost");
  await connected();
  expect(reloads).toBe(1);
});

test("a listener outside of React hears on after the next sign-in", async () => {
  const alice = await register("customer");
  const heard: string[] = [];
  const undo = onEvent("notification", ({ title }) => {
    heard.push(title);
  });
  signIn(alice.token);
  await connected();
  disconnectSocket();
  expect(getSocket()).toBeNull();
  signIn(alice.token);
  await connected();
  await notify(alice, "Hello");
  await until(() => heard.length === 1, "the event");
  undo();
});
