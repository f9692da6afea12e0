/** Notifications that arrived and are in no list, and the links in what people write. */
import { expect, test } from "vitest";

import { partsOf } from "../demo/src/linked";
import { arrived, type Arrivals, isArrivals, marked, matched, NONE, passed, read } from "../demo/src/notices/arrivals";
import { merged } from "../demo/src/notices/notice";
import type { NotificationView } from "../src";

const text = (message: string) => ({ title: "Hello", message, type: "info" });
const listed = (id: string, message: string): NotificationView => ({
  ...text(message),
  id,
  userId: "7",
  readAt: null,
  createdAt: "2026-01-01T00:00:00Z",
});
let keys = 0;
const come = (offset: string | null, changed: { tab?: string; at?: string } = {}) => ({
  key: `${(keys += 1)}`,
  offset,
  at: "2026-01-01T00:00:10Z",
  tab: "one",
  ...changed,
});
const messages = ({ arrivals }: Arrivals) => arrivals.map((one) => one.message).join(" ");
const NOW = Date.parse("2026-01-01T00:00:00Z");

test("what a script sends stays, and what is in the list is there once, whichever comes first", () => {
  let box = matched(NONE, [listed("1", "old")], NOW, true);
  box = arrived(box, text("a"), come("5"));
  box = arrived(box, text("script"), come("6"));
  box = matched(box, [listed("2", "a"), listed("1", "old")], NOW, true);
  expect(messages(box)).toBe("script");
  box = matched(box, [listed("3", "b"), listed("2", "a"), listed("1", "old")], NOW, true);
  box = arrived(box, text("b"), come("7"));
  expect(messages(box)).toBe("script");
  box = arrived(box, text("a"), come("8")); // the same words, of a script
  expect(messages(box)).toBe("a script");
  expect(matched(box, [listed("3", "b"), listed("2", "a")], NOW, true)).toBe(box);
});

test("an event is there once: of an offset that was passed it is another tab's, and stored already", () => {
  const box = arrived(NONE, text("a"), come("5"));
  expect(arrived(box, text("a"), come("5", { tab: "two" }))).toBe(box);
  expect(arrived(passed(box, "9"), text("b"), come("8")).arrivals).toHaveLength(1);
  // Without an offset all tabs get it at the same moment.
  const around = arrived(box, text("c"), come(null));
  expect(arrived(around, text("c"), come(null, { tab: "two" }))).toBe(around);
  expect(messages(arrived(around, text("c"), come(null)))).toBe("c c a");
  const later = come(null, { tab: "two", at: "2026-01-01T00:00:20Z" });
  expect(messages(arrived(around, text("c"), later))).toBe("c c a");
});

test("a listed notification waits for its event a minute, or until what was missed is here", () => {
  const box = matched(NONE, [listed("1", "a")], NOW, true);
  const [soon, late] = [59_000, 61_000].map((after) => matched(box, [], NOW + after, true));
  expect(messages(arrived(soon ?? NONE, text("a"), come("5")))).toBe("");
  expect(messages(arrived(late ?? NONE, text("a"), come("5")))).toBe("a");
  const missing = matched(box, [], NOW + 61_000, false);
  expect(messages(arrived(missing, text("a"), come("5")))).toBe("");
});

test("what was read before the list had it is to be marked there", () => {
  const box = arrived(NONE, text("a"), come("5"));
  const after = matched(read(box, box.arrivals[0]?.key ?? ""), [listed("1", "a")], NOW, true);
  expect([after.arrivals, after.toRead]).toEqual([[], ["1"]]);
  expect(merged([listed("1", "a")], [], after.toRead)[0]?.isRead).toBe(true);
  expect(marked(after, "1").toRead).toEqual([]);
});

test("the list is by time, and what is read stays read", () => {
  let box = arrived(NONE, text("now"), come("5"));
  box = arrived(box, text("unknown"), { ...come("6"), at: null });
  const key = box.arrivals.at(-1)?.key ?? "";
  box = read(box, key);
  const all = merged([listed("1", "before")], box.arrivals);
  expect(all.map(({ message, isRead }) => [message, isRead])).toEqual([
    ["now", true],
    ["before", false],
    ["unknown", false],
  ]);
  expect(isArrivals(JSON.parse(JSON.stringify(box)))).toBe(true);
  for (const other of [null, 1, {}, { ...NONE, arrivals: [{}] }]) expect(isArrivals(other)).toBe(false);
});

test("addresses are links and nothing else is", () => {
  const shown = (message: string) =>
    partsOf(message)
      .map(({ text: part, href }) => (href === null ? part : `[${part}]`))
      .join("");
  expect(shown("See https://a.example/x?y=1#z.")).toBe("See [https://a.example/x?y=1#z].");
  expect(shown("(https://a.example/) and HTTP://B.example, twice")).toBe(
    "([https://a.example/]) and [HTTP://B.example], twice",
  );
  expect(shown("https://a.example/Tea_(drink)!")).toBe("[https://a.example/Tea_(drink)]!");
  for (const other of ["javascript:alert(1)", "https://", "http://[", "ftp://a.example", "<b>bold</b>", "a.example"])
    expect(shown(other)).toBe(other);
  expect(partsOf('https://a.example/"onclick="x')[0]?.href).toBe("https://a.example/");
});
