/** The seller's board: a column for each status, and one step or key to the next. */

import { useLayoutEffect, useMemo, useRef, useState, type FocusEvent, type JSX, type KeyboardEvent } from "react";
import { reason } from "../api";
import { useSellerOrders } from "../live";
import { Empty, Failed, Head, Loading } from "../parts";
import { COLUMNS, columnsOf } from "./arrange";
import { Column } from "./column";
import { useFocusedColumn } from "./held";
import { useMoves } from "./moves";

interface Focused {
  id: string;
  byKey: boolean;
}

export function Board(): JSX.Element {
  const { orders, status, error, reload } = useSellerOrders();
  const moves = useMoves();
  const focus = useFocusOnOrders();
  const focusedColumn = useFocusedColumn();
  const columns = useMemo(() => columnsOf(orders), [orders]);
  const orderOf = useMemo(() => {
    const byId = new Map(orders.map((order) => [order.id, order]));
    return (id: string) => byId.get(id);
  }, [orders]);
  const isEmpty = status === "ready" && orders.length === 0;

  return (
    <>
      <Head title="Orders">
        <p className="keys">
          <kbd>Enter</kbd> moves an order on, <kbd>↑</kbd> <kbd>↓</kbd> <kbd>←</kbd> <kbd>→</kbd> go from
          one to another.
        </p>
      </Head>
      <p className="sr" role="status">
        {moves.said}
      </p>
      {orders.length === 0 && error !== null && <Failed message={reason(error)} retry={reload} />}
      {status === "loading" && orders.length === 0 && <Loading className="board" count={COLUMNS.length} />}
      {isEmpty && (
        <Empty title="No orders yet">
          <p>The first one appears here the moment a customer places it. There is nothing to reload.</p>
        </Empty>
      )}
      {orders.length > 0 && (
        <div
          className="board"
          role="group"
          aria-label="Board"
          onKeyDownCapture={ignoreRepeats}
          onKeyDown={walk}
          {...focus.watch}
        >
          {COLUMNS.map((step) => (
            <Column
              key={step}
              step={step}
              orders={columns[step]}
              orderOf={orderOf}
              own={focus.id}
              focused={step === focusedColumn}
              moves={moves}
            />
          ))}
        </div>
      )}
    </>
  );
}

/** Keeps the focus with its order. In another column, or with other buttons, an order is drawn as new
 * elements, and the focused one is removed. */
function useFocusOnOrders() {
  const focused = useRef<Focused | null>(null);
  const [id, setId] = useState<string | null>(null);
  useLayoutEffect(() => {
    if (focused.current === null || document.activeElement !== document.body) return;
    const ticket = document.querySelector<HTMLElement>(`[data-order="${CSS.escape(focused.current.id)}"]`);
    // Scroll nothing after a press by pointer: the next ticket to press is beside the pointer.
    target(ticket)?.focus({ preventScroll: !focused.current.byKey });
  });
  const watch = {
    onFocus: ({ target }: FocusEvent<HTMLElement>) => {
      const order = target.closest<HTMLElement>("[data-order]")?.dataset["order"];
      focused.current = order === undefined ? null : { id: order, byKey: target.matches(":focus-visible") };
      setId(order ?? null);
    },
    onBlur: ({ relatedTarget }: FocusEvent<HTMLElement>) => {
      focused.current = null; // removing an element calls no handler
      if (relatedTarget === null || relatedTarget.closest("[data-order]") === null) setId(null);
    },
  };
  return { id, watch };
}

function target(ticket: HTMLElement | null | undefined): HTMLElement | null {
  return ticket?.querySelector<HTMLElement>("button:not([role])") ?? ticket ?? null;
}

/** A key that is held acts once. */
function ignoreRepeats(event: KeyboardEvent<HTMLElement>): void {
  if (event.repeat && (event.key === "Enter" || event.key === " ")) event.preventDefault();
}

/** From order to order: up and down in a column, left and right to the next one that has any. */
function walk(event: KeyboardEvent<HTMLElement>): void {
  const ticket = (event.target as HTMLElement).closest<HTMLElement>(".ticket");
  const column = ticket?.closest<HTMLElement>(".column");
  if (!ticket || !column || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const all = tickets(column);
  const columns = [...event.currentTarget.querySelectorAll<HTMLElement>(".column")].filter(
    (one) => tickets(one).length > 0,
  );
  const row = all.indexOf(ticket);
  const beside = (step: number) => {
    const next = columns[columns.indexOf(column) + step];
    return next && (tickets(next)[row] ?? tickets(next).at(-1));
  };
  const steps = new Map<string, () => HTMLElement | undefined>([
    ["ArrowUp", () => all[row - 1]],
    ["ArrowDown", () => all[row + 1]],
    ["ArrowLeft", () => beside(-1)],
    ["ArrowRight", () => beside(1)],
  ]);
  const next = steps.get(event.key)?.();
  if (next === undefined) return;
  event.preventDefault();
  target(next)?.focus();
}

function tickets(column: HTMLElement): HTMLElement[] {
  return [...column.querySelectorAll<HTMLElement>(".ticket")];
}
