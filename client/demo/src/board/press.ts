/** One press acts once. */

import type { KeyboardEvent, MouseEvent } from "react";

/** Ignore the second press of a double click, which hits whatever has come under the pointer. */
export function once(act: () => void): (event: MouseEvent) => void {
  return ({ detail }) => {
    if (detail <= 1) act();
  };
}

/** Ignore the repeats of a held key. */
export function ignoreRepeats(event: KeyboardEvent): void {
  if (event.repeat && (event.key === "Enter" || event.key === " ")) event.preventDefault();
}
