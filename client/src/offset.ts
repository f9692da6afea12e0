/** Offsets are decimal digits of up to 19 places: strings, as a number would lose the last ones. */

/** Whether `a` comes after `b`. Everything comes after nothing. */
export function isAfter(a: string, b: string | undefined): boolean {
  if (b === undefined) return true;
  return a.length === b.length ? a > b : a.length > b.length;
}
