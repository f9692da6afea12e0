/** Money, numbers and times as readers of different languages write them. */
// @vitest-environment happy-dom
import { expect, test } from "vitest";

import { formatFor } from "../demo/src/format";

const NOON = new Date(2025, 10, 27, 14, 5); // a day that has passed

function written(...languages: string[]): string[] {
  const { money, number, moment, full } = formatFor(languages);
  const texts = [money(123_456, "EUR"), number(12_345), moment(NOON.toISOString()), full(NOON.toISOString())];
  return texts.map((text) => text.replaceAll(/\s/g, " ").replaceAll(/[\u200e\u200f\u061c]/g, ""));
}

test("the first language of the reader that is known decides", () => {
  expect(written("en-GB")).toEqual(["€1,234.56", "12,345", "27 Nov", "27 Nov 2025, 14:05"]);
  expect(written("en-US", "de")).toEqual(["€1,234.56", "12,345", "Nov 27", "Nov 27, 2025, 02:05 PM"]);
  expect(written("de-DE", "en")).toEqual(["1.234,56 €", "12.345", "27. Nov.", "27. Nov. 2025, 14:05"]);
  expect(written("ar-EG")[1]).toBe("١٢٬٣٤٥");
});

test("what is no language is passed by", () => {
  expect(written("en-US@posix", "de-DE")).toEqual(written("de-DE"));
  expect(formatFor(["C"]).money(100, "EUR")).toContain("1");
});

test("a moment of today is its time", () => {
  const now = new Date();
  expect(formatFor(["de-DE"]).moment(now.toISOString())).toMatch(/^\d\d:\d\d$/);
});
