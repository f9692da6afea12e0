/** The seller's board: a column for each status, and one step or key to the next. */

import { useLayoutEffect, useMemo, useRef, useState, type FocusEvent, type JSX, type KeyboardEvent } from "react";
import { reason } from "../api";
import { useSellerOrders } from "../live";
import { Empty, Failed, Head, Loading } from "../parts";
import { FORWARD, STOP, type Order } from "../orders";
import { Alerts } from "./alerts";
import { COLUMNS, columnsOf, stepOf, type Step } from "./arrange";
import { Column } from "./column";
import { useFocusedColumn } from "./held";
import { move, stop, useMoves } from "./moves";
import { ignoreRepeats } from "./press";
import { SelectionBar } from "./selection";

interface Focused {
  id: string;
  byKey: boolean;
}

export function Board(): JSX.Element {
  const { orders, status, error, reload } = useSellerOrders();
  const moves = useMoves();
  const focus = useFocusOnOrders();
  const focusedColumn = useFocusedColumn();
  const [sought, seek] = useState("");
  const [selected, select] = useState<ReadonlySet<string> | null>(null);
  const [dragged, drag] = useState<Order | null>(null);
  const found = useMemo(() => orders.filter((order) => matches(order, sought)), [orders, sought]);
  const columns = useMemo(() => columnsOf(found), [found]);
  const selection = useMemo(() => (selected === null ? null : { ids: selected, change: select }), [selected]);
  const orderOf = useMemo(() => {
    const byId = new Map(orders.map((order) => [order.id, order]));
    return (id: string) => byId.get(id);
  }, [orders]);
  const filled = COLUMNS.filter((step) => columns[step].length > 0);
  const stop = filled.find((step) => step === focus.step) ?? filled[0]; // its column has the tab stop
  const isEmpty = status === "ready" && orders.length === 0;

  return (
    <>
      <Head
        title="Orders"
        tools={
          orders.length > 0 && (
            <div className="toolbar">
              <input
                type="search"
                className="input"
                placeholder="Number, customer or product"
                aria-label="Search the board"
                value={sought}
                onChange={(event) => {
                  seek(event.target.value);
                }}
              />
              <button
                type="button"
                className="button"
                aria-pressed={selection !== null}
                onClick={() => {
                  select(selection === null ? new Set() : null);
                }}
              >
                {selection === null ? "Select" : "Done"}
              </button>
              <Alerts />
            </div>
          )
        }
      >
        <p className="keys">
          <kbd>Enter</kbd> moves an order on, <kbd>↑</kbd> <kbd>↓</kbd> <kbd>←</kbd> <kbd>→</kbd> go from
          one to another.
        </p>
      </Head>
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
              isStop={step === stop}
              moves={moves}
              selection={selection}
              drag={drag}
              drop={dropIn(step, dragged)}
            />
          ))}
        </div>
      )}
      {selection !== null && <SelectionBar orders={found} selection={selection} />}
    </>
  );
}

function matches(order: Order, sought: string): boolean {
  const words = sought.toLowerCase().split(/\s+/);
  const text = [order.orderNumber, order.user.name, ...order.items.map(({ name }) => name)].join(" ").toLowerCase();
  return words.every((word) => text.includes(word));
}

/** What dropping the dragged order in a column does; null: it cannot move there. */
function dropIn(step: Step, dragged: Order | null): (() => void) | null {
  if (dragged === null) return null;
  const [forward, end] = [FORWARD[dragged.status], STOP[dragged.status]];
  if (forward?.to === step) {
    return () => {
      move(dragged, forward.to);
    };
  }
  if (end !== undefined && stepOf(end.to) === step) {
    return () => {
      stop(dragged, end.to);
    };
  }
  return null;
}

/** Keeps the focus with its order. In another column, or with other buttons, an order is drawn as new
 * elements, and the focused one is removed. */
function useFocusOnOrders() {
  const focused = useRef<Focused | null>(null);
  const [id, setId] = useState<string | null>(null);
  const [step, setStep] = useState<string | undefined>(undefined); // the column that had it last
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
      setStep((before) => target.closest<HTMLElement>(".column")?.dataset["status"] ?? before);
    },
    onBlur: ({ relatedTarget }: FocusEvent<HTMLElement>) => {
      focused.current = null; // removing an element calls no handler
      if (relatedTarget === null || relatedTarget.closest("[data-order]") === null) setId(null);
    },
  };
  return { id, step, watch };
}

function target(ticket: HTMLElement | null | undefined): HTMLElement | null {
  return ticket?.querySelector<HTMLElement>("button:not([role]), input") ?? ticket ?? null;
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
