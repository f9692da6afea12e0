/** Many orders at once: which are selected, and what is done with them. */

import { useRef, type JSX } from "react";
import { number } from "../format";
import { FLOW, FORWARD, STOP, type Order } from "../orders";
import { move, stop } from "./moves";
import { ignoreRepeats } from "./press";

export interface Selection {
  ids: ReadonlySet<string>;
  change: (ids: ReadonlySet<string>) => void;
}

interface TickProps {
  order: Order;
  selection: Selection;
  tabIndex: number;
}

export function Tick({ order, selection, tabIndex }: TickProps): JSX.Element {
  const isOn = selection.ids.has(order.id);
  return (
    <label className="moves tick">
      <input
        type="checkbox"
        checked={isOn}
        tabIndex={tabIndex}
        aria-label={`Select ${order.orderNumber}`}
        onChange={() => {
          const ids = new Set(selection.ids);
          if (!ids.delete(order.id)) ids.add(order.id);
          selection.change(ids);
        }}
      />
      {isOn ? "Selected" : "Select"}
    </label>
  );
}

/** All of a column, or none of it. */
export function TickAll({ orders, selection }: { orders: readonly Order[]; selection: Selection }): JSX.Element {
  const isOn = orders.length > 0 && orders.every(({ id }) => selection.ids.has(id));
  return (
    <input
      type="checkbox"
      aria-label="Select all in this column"
      checked={isOn}
      onChange={() => {
        const ids = new Set(selection.ids);
        for (const { id } of orders) {
          if (isOn) ids.delete(id);
          else ids.add(id);
        }
        selection.change(ids);
      }}
    />
  );
}

/** One button for each move that the selected orders can make. */
export function SelectionBar({ orders, selection }: { orders: readonly Order[]; selection: Selection }): JSX.Element {
  const bar = useRef<HTMLDivElement>(null);
  const selected = orders.filter(({ id }) => selection.ids.has(id));
  const done = (moved: readonly Order[]) => {
    const ids = new Set(selection.ids);
    for (const { id } of moved) ids.delete(id);
    selection.change(ids);
    bar.current?.focus(); // the pressed button goes
  };
  const buttons = FLOW.flatMap((status) => {
    const those = selected.filter((order) => order.status === status);
    const [forward, end] = [FORWARD[status], STOP[status]];
    if (those.length === 0) return [];
    return [
      forward && { name: `${forward.verb} ${number(those.length)}`, those, act: move, to: forward.to, isFirst: true },
      end && { name: `${end.verb} ${number(those.length)}`, those, act: stop, to: end.to, isFirst: false },
    ].filter((one) => one !== undefined);
  });
  return (
    <div
      ref={bar}
      className="selection card"
      role="group"
      aria-label="Selected orders"
      tabIndex={-1}
      onKeyDownCapture={ignoreRepeats}
    >
      <b role="status">{number(selected.length)} selected</b>
      {buttons.map(({ name, those, act, to, isFirst }) => (
        <button
          key={`${name} ${to}`}
          type="button"
          className={`button compact ${isFirst ? "primary" : ""}`}
          onClick={({ detail }) => {
            if (detail > 1) return; // the second press of a double click hits another button
            for (const order of those) act(order, to);
            done(those);
          }}
        >
          {name}
        </button>
      ))}
    </div>
  );
}
