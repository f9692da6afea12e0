import { expect, test, vi } from "vitest";

import { claimsOf, isAfter } from "../src";
import { Holders } from "../src/holders";
import { Place } from "../src/place";
import { Reception } from "../src/reception";
import { secondsLeft } from "../src/token";
import { signed } from "./people";

test("offsets are compared as the numbers that they are", () => {
  expect(isAfter("10", "9")).toBe(true);
  expect(isAfter("9", "10")).toBe(false);
  expect(isAfter("7", "7")).toBe(false);
  expect(isAfter("9007199254740993", "9007199254740992")).toBe(true);
  expect(isAfter("1", undefined)).toBe(true);
});

test("a token says whose it is and when it ends", () => {
  const token = signed({ sub: "Ünal?>", exp: 1000, iat: 400 });
  expect(claimsOf(token).sub).toBe("Ünal?>");
  expect(secondsLeft(token, 900)).toBe(100);
  expect(secondsLeft(token, 0)).toBe(600); // this clock is slow
  expect(secondsLeft(signed({ sub: "7" }))).toBeNull();
  for (const garbage of ["", "a", "a.b.c", "..", "a.bnVsbA.c"])
    expect(claimsOf(garbage)).toEqual({});
});

test("something is open from the first who holds it until a moment after the last", () => {
  vi.useFakeTimers();
  const log: string[] = [];
  const holders = new Holders(
    () => log.push("open"),
    () => log.push("close"),
    100,
  );
  const [one, two] = [holders.hold(), holders.hold()];
  one();
  one(); // again counts for nothing
  vi.advanceTimersByTime(1000);
  expect(log).toEqual(["open"]);
  two();
  holders.hold()(); // back at once
  vi.advanceTimersByTime(99);
  expect(log).toEqual(["open"]);
  vi.advanceTimersByTime(1);
  expect(log).toEqual(["open", "close"]);
  vi.useRealTimers();
});

test("a durable event is handled once, whatever its name; an ephemeral one each time", () => {
  const reception = new Reception(new Place("a key", null, null), () => undefined);
  const heard: unknown[] = [];
  for (const name of ["parcel:moved", "chat", "bell"])
    reception.add(name, (payload, offset) => heard.push([name, payload, offset]));
  const parcel = { id: "7" };
  reception.receive("parcel:moved", [parcel, "5"]);
  reception.receive("parcel:moved", [parcel, "5"]); // again, as after a cut in a handler
  reception.receive("parcel:moved", [parcel]); // around the journal
  reception.receive("parcel:moved", [parcel]);
  reception.receive("chat", ["hello", "5"]); // a text, with the offset that the client has
  reception.receive("chat", ["hello", "5"]);
  reception.receive("bell", ["5"]); // without a payload
  reception.receive("parcel:moved", [null, "6"]);
  expect(heard).toEqual([
    ["parcel:moved", parcel, "5"],
    ["parcel:moved", parcel, undefined],
    ["parcel:moved", parcel, undefined],
    ["chat", "hello", "5"],
    ["chat", "hello", "5"],
    ["bell", undefined, "5"],
    ["parcel:moved", null, "6"],
  ]);
});
