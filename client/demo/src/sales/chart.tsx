/** Revenue above, and the number of orders below, over the time that is shown. */

import type { JSX } from "react";
import { money, number } from "../format";
import type { Order } from "../orders";
import type { Filter } from "./filter";
import { bars, mainCurrency } from "./sums";

const WIDTH = 720;
const HIGH = 72; // of the revenue
const LOW = 28; // of the orders
const GAP = 8;
const MOST_NAMES = 6;

export function Chart({ orders, filter }: { orders: readonly Order[]; filter: Filter }): JSX.Element | null {
  if (orders.length === 0) return null;
  const currency = mainCurrency(orders);
  const all = bars(orders, currency, filter.from, filter.until);
  const [mostCents, mostOrders] = [most(all.map(({ cents }) => cents)), most(all.map((bar) => bar.orders))];
  const step = WIDTH / all.length;
  const width = Math.max(1, step * 0.7);
  const every = Math.ceil(all.length / MOST_NAMES);
  const said = all
    .filter((bar) => bar.orders > 0)
    .map((bar) => `${bar.name}: ${money(bar.cents, currency)}, ${number(bar.orders)} orders`);
  return (
    <figure className="chart card">
      <figcaption className="pair small">
        <b>Revenue and orders</b>
        <span className="quiet number">
          up to {money(mostCents, currency)} and {number(mostOrders)} orders
        </span>
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HIGH + GAP + LOW}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Revenue and orders. ${said.join("; ")}`}
      >
        {all.map((bar, index) => {
          const x = index * step + (step - width) / 2;
          const [high, low] = [(bar.cents / mostCents) * HIGH, (bar.orders / mostOrders) * LOW];
          return (
            <g key={bar.begin}>
              <title>{`${bar.name}: ${money(bar.cents, currency)}, ${number(bar.orders)} orders`}</title>
              <rect className="hit" x={index * step} y={0} width={step} height={HIGH + GAP + LOW} />
              <rect className="cents" x={x} y={HIGH - high} width={width} height={high} />
              <rect className="number-of" x={x} y={HIGH + GAP + LOW - low} width={width} height={low} />
            </g>
          );
        })}
      </svg>
      <p className="ticks quiet small number" aria-hidden="true">
        {all.map((bar, index) => (
          <span key={bar.begin}>{index % every === 0 && bar.name}</span>
        ))}
      </p>
    </figure>
  );
}

function most(values: readonly number[]): number {
  return Math.max(1, ...values);
}
