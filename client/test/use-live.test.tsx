// @vitest-environment happy-dom
import { StrictMode } from "react";
import { afterEach, expect, test } from "vitest";

import { disconnectSocket, initSocket, live, type NotificationView, type Order, withOrder } from "../src";
import { useLive } from "../src/react";
import { QUICK, until } from "./client";
import { endPages, show } from "./page";
import { move, notify, offer, order, type Person, register, service } from "./people";

afterEach(() => {
  endPages();
  disconnectSocket();
  sessionStorage.clear();
});

function signIn(person: Person) {
  return initSocket(person.token, service.url, { io: QUICK });
}

let reads: string[] = [];

/** The titles with a word before each; `word` comes from the component's props. */
function Notes({ path, word }: { path: string; word: string }) {
  const { value, status } = useLive(
    async (connection) => {
      reads.push(path);
      type Body = { notifications: readonly NotificationView[] };
      const { body, offset } = await connection.request<Body>("GET", path);
      return { items: body.notifications.map(({ title }) => `${word} ${title}`), offset };
    },
    { notification: (all, { title }) => [`${word} ${title}`, ...all] },
    [path],
  );
  return <p>{value === undefined ? status : `(${value.join(", ")})`}</p>;
}

const NOTES = "/api/notifications";

test("a list of the page's own is read once and kept, also in StrictMode", async () => {
  reads = [];
  const alice = await register("customer");
  signIn(alice);
  const page = show(
    <StrictMode>
      <Notes path={NOTES} word="read" />
    </StrictMode>,
  );
  await until(() => page.text() === "()", "the empty list");
  await notify(alice, "Hello");
  await until(() => page.text() === "(read Hello)", "the event, once");
  await notify(alice, "again");
  await until(() => page.text() === "(read again, read Hello)", "the next");
  expect(reads).toEqual([NOTES]);
});

test("the functions of the latest render are called, and a new dependency is another snapshot", async () => {
  reads = [];
  const alice = await register("customer");
  signIn(alice);
  const page = show(<Notes path={NOTES} word="old" />);
  await until(() => page.text() === "()", "the list");
  page.render(<Notes path={NOTES} word="new" />);
  await notify(alice, "Hello");
  await until(() => page.text() === "(new Hello)", "by the function of this render");
  expect(reads).toEqual([NOTES]);

  const other = `${NOTES}?limit=1`;
  page.render(<Notes path={other} word="other" />);
  await until(() => page.text() === "(other Hello)", "another snapshot");
  expect(reads).toEqual([NOTES, other]);
});

test("after the component has gone nothing is read or applied", async () => {
  reads = [];
  const alice = await register("customer");
  const socket = signIn(alice);
  let applied = 0;
  function Counted() {
    useLive(() => Promise.resolve({ items: [], offset: "0" }), {
      notification: (all) => {
        applied += 1;
        return all;
      },
    });
    return <Notes path={NOTES} word="" />;
  }
  const page = show(<Counted />);
  await until(() => reads.length === 1, "a read");
  await notify(alice, "one");
  await until(() => applied >= 1, "the event");
  const before = applied;
  page.render(null);
  const left = Date.now();
  const heard: string[] = [];
  socket.on("notification", ({ title }) => heard.push(title));
  // Lists stay for a moment, for a component that is back at once.
  await until(() => Date.now() > left + 1500, "the moment is over");
  await notify(alice, "three");
  await until(() => heard.includes("three"), "the socket has it");
  expect(applied).toBe(before);
  expect(reads).toEqual([NOTES]);
});

const orders = live(
  (connection) => connection.request<{ orders: readonly Order[] }>("GET", "/api/orders"),
  { "order:new": ({ orders: all }, one) => ({ orders: withOrder(one)(all) }) },
);

function Board() {
  const { value } = useLive(orders);
  return <b>{value?.orders.map(({ status }) => status).join(" ") ?? "none yet"}</b>;
}

test("what live() returns is shared by all components, and by code outside of React", async () => {
  const [alice, bob] = [await register("customer"), await register("seller")];
  const placed = await order(alice, await offer(bob));
  signIn(bob);
  const page = show(
    <StrictMode>
      <Board />|<Board />
    </StrictMode>,
  );
  expect(orders.state().status).toBe("loading");
  await until(() => page.text() === "pending|pending", "the orders");
  await move(bob, placed, "confirmed");
  await until(() => page.text() === "confirmed|confirmed", "the move");
  expect(orders.state().value?.orders).toHaveLength(1);
  orders.change(() => ({ orders: [] }));
  await until(() => page.text() === "|", "a change from outside");
});
