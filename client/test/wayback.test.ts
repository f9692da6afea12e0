/** The way back after a refusal, on a connection that the test refuses and lets in. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { type Refused, WayBack } from "../demo/src/wayback";
import { type ConnectionState, IDLE } from "../src/state";

const ROOM = "too_many_connections";

class Door implements Refused {
  token: string | null = "old";
  attempts = 0;
  private current: ConnectionState = IDLE;
  private listener: () => void = () => undefined;

  readonly state = () => this.current;
  readonly subscribe = (listener: () => void) => {
    this.listener = listener;
    return () => undefined;
  };

  retry(): void {
    this.attempts += 1;
    this.become({ state: "connecting", refusal: null });
  }

  refuse(code: string): void {
    this.become({ state: "refused", refusal: { code, message: code } });
  }

  open(): void {
    this.become({ state: "live", refusal: null });
  }

  private become(changes: Partial<ConnectionState>): void {
    this.current = { ...this.current, ...changes };
    this.listener();
  }
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const none = () => Promise.reject(new Error("no token is asked for"));

test("without capacity it tries again, later each time, and at once when it is told to", async () => {
  const door = new Door();
  const way = new WayBack(door, none);
  const waits: number[] = [];
  for (let round = 0; round < 6; round += 1) {
    door.refuse(ROOM);
    const before = Date.now();
    while (door.attempts === round) await vi.advanceTimersByTimeAsync(100);
    waits.push((Date.now() - before) / 1000);
  }
  [1, 5, 10, 20, 30, 30].forEach((seconds, round) => {
    expect(waits[round]).toBeGreaterThanOrEqual(seconds / 2);
    expect(waits[round]).toBeLessThanOrEqual(seconds * 1.5 + 0.2);
  });
  door.refuse(ROOM);
  way.now();
  await vi.advanceTimersByTimeAsync(0);
  expect(door.attempts).toBe(7);
  way.now(); // it is on its way
  await vi.advanceTimersByTimeAsync(0);
  expect(door.attempts).toBe(7);
  way.end();
});

test("a connection that lasted makes the next refusal the first", async () => {
  const door = new Door();
  const way = new WayBack(door, none);
  for (let round = 0; round < 4; round += 1) {
    door.refuse("disconnected");
    await vi.advanceTimersByTimeAsync(60_000);
  }
  door.open();
  await vi.advanceTimersByTimeAsync(11_000);
  door.refuse("disconnected");
  await vi.advanceTimersByTimeAsync(1600);
  expect(door.attempts).toBe(5);
  way.end();
});

test("a refused token is exchanged at once, and only once at once", async () => {
  const door = new Door();
  const asked: (string | null)[] = [];
  const way = new WayBack(door, (refused) => {
    asked.push(refused);
    return Promise.resolve("new");
  });
  door.refuse("token_revoked");
  await vi.advanceTimersByTimeAsync(0);
  expect([asked, door.attempts]).toEqual([["old"], 1]);
  door.refuse("token_revoked"); // the same again: no storm
  await vi.advanceTimersByTimeAsync(100);
  expect(door.attempts).toBe(1);
  await vi.advanceTimersByTimeAsync(2000);
  expect(door.attempts).toBe(2);
  way.end();
});

test("a token that cannot be had now is asked for again, and nothing happens after the end", async () => {
  const door = new Door();
  let asked = 0;
  const way = new WayBack(door, () => {
    asked += 1;
    return Promise.reject(new Error("busy"));
  });
  door.refuse("token_invalid");
  await vi.advanceTimersByTimeAsync(2000);
  expect([asked, door.attempts]).toEqual([2, 0]);
  way.end();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toBe(2);
});
