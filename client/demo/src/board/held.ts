/** Whether a pointer is over an element, and which column has the keyboard's focus. */

import { useEffect, useRef, useState, useSyncExternalStore, type PointerEvent } from "react";

const FINGER_MS = 3_000; // a second tap on the same place comes within

/** A mouse points while it is over the element, a finger also for some seconds after its touch. */
export function usePointed() {
  const [pointed, setPointed] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(
    () => () => {
      clearTimeout(timer.current);
    },
    [],
  );
  const enter = ({ pointerType }: PointerEvent) => {
    clearTimeout(timer.current);
    setPointed(true);
    if (pointerType !== "touch") return;
    timer.current = setTimeout(() => {
      setPointed(false);
    }, FINGER_MS);
  };
  const leave = ({ pointerType }: PointerEvent) => {
    if (pointerType !== "touch") setPointed(false);
  };
  return { pointed, pointing: { onPointerEnter: enter, onPointerDown: enter, onPointerLeave: leave } };
}

/** The `data-status` of the column with the visible focus. React reads the store after each render
 * too: removing the focused element sends no event. */
export function useFocusedColumn(): string | null {
  return useSyncExternalStore(onFocus, focusedColumn);
}

function focusedColumn(): string | null {
  const active = document.activeElement;
  if (active?.matches(":focus-visible") !== true) return null;
  return active.closest<HTMLElement>(".column")?.dataset["status"] ?? null;
}

function onFocus(listener: () => void): () => void {
  document.addEventListener("focusin", listener);
  document.addEventListener("focusout", listener);
  return () => {
    document.removeEventListener("focusin", listener);
    document.removeEventListener("focusout", listener);
  };
}
