/** What a screen reader is told: one polite message for a burst. */

import { useSyncExternalStore, type JSX } from "react";
import { number } from "./format";

const QUIET_MS = 700; // a burst has ended
const MAX_WAIT_MS = 3_000; // of a burst that does not end
const MAX_SENTENCES = 3; // more are a number and the last one

const waiting = new Map<string, string>();
const listeners = new Set<() => void>();
let said = "";
let timer: ReturnType<typeof setTimeout> | undefined;
let since = 0;

/** Say it soon. A later sentence with the same key replaces one that was not said yet. */
export function say(key: string, sentence: string): void {
  if (waiting.size === 0) since = performance.now();
  waiting.delete(key);
  waiting.set(key, sentence);
  clearTimeout(timer);
  timer = setTimeout(speak, Math.min(QUIET_MS, Math.max(0, since + MAX_WAIT_MS - performance.now())));
}

/** The live region. It is there before there is anything to say, or nothing would be said. */
export function Said(): JSX.Element {
  const text = useSyncExternalStore(subscribe, () => said);
  return (
    <p className="sr" role="status" data-said>
      {text}
    </p>
  );
}

function speak(): void {
  const sentences = [...waiting.values()];
  waiting.clear();
  const last = sentences.at(-1) ?? "";
  const next =
    sentences.length > MAX_SENTENCES ? `${number(sentences.length)} messages. The last: ${last}` : sentences.map((one) => (/\p{P}$/u.test(one) ? one : `${one}.`)).join(" ");
  said = next === said ? `${next}\u00a0` : next; // an unchanged text is not said again
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
