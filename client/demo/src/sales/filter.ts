/** Which orders the sales page shows. */

import type { Status } from "../orders";

export interface Filter {
  from: string; // "2026-11-27", a day of the reader's; "": no limit
  until: string; // this day too
  status: Status | "";
  words: string;
}

/** "2026-11-27" */
export function dayOf(date: Date): string {
  const two = (number: number) => String(number).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

export function today(): Filter {
  const day = dayOf(new Date());
  return { from: day, until: day, status: "", words: "" };
}

/** The query of GET /api/orders. */
export function queryOf({ from, until, status, words }: Filter): string {
  const query = new URLSearchParams({ limit: "100" });
  if (from !== "") query.set("placedFrom", midnight(from).toISOString());
  if (until !== "") query.set("placedBefore", midnight(until, 1).toISOString());
  if (status !== "") query.set("status", status);
  if (words.trim() !== "") query.set("q", words.trim());
  return query.toString();
}

/** The beginning of the day, or of one so many days later. */
export function midnight(day: string, later = 0): Date {
  const [year = 0, month = 1, date = 1] = day.split("-").map(Number);
  return new Date(year, month - 1, date + later);
}
