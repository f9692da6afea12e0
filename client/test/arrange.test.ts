/** The places of the tickets on the seller's board. */
import { expect, test } from "vitest";

import { arrange, type Arrangement, isPrefix, type Item, NOTHING } from "../demo/src/board/arrange";

const free = { held: false, latestFirst: false, own: null };
const held = { held: true, latestFirst: false, own: null };
const heldLatest = { held: true, latestFirst: true, own: null };

const made = new Map<string, Item>();

function items(...ids: string[]): Item[] {
  for (const id of ids) if (!made.has(id)) made.set(id, { id });
  return ids.flatMap((id) => made.get(id) ?? []);
}

function shown({ slots }: Arrangement<Item>): string {
  return slots.map(({ item, gone }) => (gone ? `(${item.id})` : item.id)).join(" ");
}

test("a column that nobody holds is as it is sorted", () => {
  const before = arrange(NOTHING, items("1", "3"), free);
  expect(shown(before)).toBe("1 3");
  expect(shown(arrange(before, items("1", "2"), free))).toBe("1 2");
  expect(arrange(before, items("1", "3"), free)).toBe(before);
});

test("while it is held what leaves leaves a gap, what comes goes to the end, and what is back is back", () => {
  let now: Arrangement<Item> = arrange(NOTHING, items("2", "3"), free);
  now = arrange(now, items("1", "3"), held);
  expect(shown(now)).toBe("(2) 3 1");
  now = arrange(now, items("1", "2", "3"), held);
  expect(shown(now)).toBe("2 3 1");
  expect(arrange(now, items("1", "2", "3"), held)).toBe(now);
  expect(shown(arrange(now, items("1", "2", "3"), free))).toBe("1 2 3");
});

test("where the latest is the first what comes waits, but for the page's own move", () => {
  const before = arrange(NOTHING, items("2", "1"), { ...free, latestFirst: true });
  const waits = arrange(before, items("4", "3", "2"), heldLatest);
  expect([shown(waits), waits.waiting]).toEqual(["2 (1)", 2]);
  const own = arrange(before, items("4", "3", "2", "1"), { ...heldLatest, own: "3" });
  expect([shown(own), own.waiting]).toEqual(["3 2 1", 1]);
});

test("places are kept when others come after them", () => {
  const before = arrange(NOTHING, items("1", "2"), free);
  expect(isPrefix(before, arrange(before, items("1", "2", "3"), free))).toBe(true);
  expect(isPrefix(before, arrange(before, items("2", "3"), held))).toBe(true);
  expect(isPrefix(before, arrange(before, items("2", "3"), free))).toBe(false);
});
