/** The basket beside the shop; on a small window a bar over the end of the page. */

import { useState, useSyncExternalStore, type JSX } from "react";
import { newKey, placeOrder, reason, type Product } from "../api";
import { money, number } from "../format";
import type { Order } from "../orders";
import { orderPath } from "../router";
import { show } from "../toasts";
import { withoutRefusal, withQuantity, type Group, type Line } from "./basket";
import { placeAll } from "./placing";
import type { BasketStore } from "./store";
import { troubleOf } from "./trouble";

export type Known = ReadonlyMap<string, Product | null>; // null: not for sale any more

interface Props {
  store: BasketStore;
  products: Known;
  reload: () => void;
}

export function BasketCard({ store, products, reload }: Props): JSX.Element {
  const { groups } = useSyncExternalStore(store.subscribe, store.state);
  const [busy, setBusy] = useState(false);
  const [open, setOpen] = useState(false);
  const [placed, setPlaced] = useState<readonly Order[]>([]);
  const lines = groups.flatMap((group) => group.lines);
  const isTrouble = groups.some(
    (group) => group.refusal !== null || (group.attempt !== null && !busy) || group.lines.some((line) => troubleOf(line, group, products) !== null),
  );

  const place = async () => {
    setBusy(true);
    setPlaced([]);
    const orders = await placeAll(store, placeOrder, { newKey, reason });
    setPlaced(orders);
    for (const order of orders) tell(order);
    setBusy(false);
    reload();
  };
  return (
    <aside
      className="card basket"
      data-empty={lines.length === 0 || undefined}
      data-open={open || isTrouble || undefined}
      aria-labelledby="basket"
    >
      <h2 id="basket">Basket</h2>
      {lines.length === 0 && <p className="quiet">Nothing in it yet.</p>}
      <div className="groups">
        {groups.map((group) => (
          <Seller key={group.seller.id} store={store} group={group} products={products} busy={busy} />
        ))}
      </div>
      <button
        type="button"
        className="button compact toggle"
        aria-expanded={open || isTrouble}
        onClick={() => {
          setOpen(!open);
        }}
      >
        {number(lines.length)} {lines.length === 1 ? "product" : "products"}
      </button>
      <p className="pair total">
        <span>Total</span>
        <span className="number">{totals(lines, products)}</span>
      </p>
      <button
        type="button"
        className="button primary"
        disabled={busy || lines.length === 0}
        onClick={() => void place()}
      >
        {busy ? "Placing…" : groups.length > 1 ? `Place ${number(groups.length)} orders` : "Place order"}
      </button>
      {placed.length > 0 && <Placed orders={placed} />}
    </aside>
  );
}

function tell(order: Order): void {
  const title = <a href={orderPath(order.id)}>Order {order.orderNumber} is placed</a>;
  show({
    kind: "order",
    title,
    message: (
      <>
        <bdi>{order.seller.name}</bdi> has it now.
      </>
    ),
    key: `placed-${order.id}`,
  });
}

function Placed({ orders }: { orders: readonly Order[] }): JSX.Element {
  return (
    <ul className="placed" aria-label="Placed">
      {orders.map((order) => (
        <li key={order.id} className="small">
          <a href={orderPath(order.id)}>{order.orderNumber}</a> is placed: <bdi>{order.seller.name}</bdi> has it.
        </li>
      ))}
    </ul>
  );
}

interface SellerProps {
  store: BasketStore;
  group: Group;
  products: Known;
  busy: boolean;
}

function Seller({ store, group, products, busy }: SellerProps): JSX.Element {
  const { seller, lines, attempt, refusal } = group;
  return (
    <section aria-label={seller.name} data-seller={seller.id}>
      <h3>
        <bdi>{seller.name}</bdi>
      </h3>
      <ul>
        {lines.map((line) => (
          <Row key={line.productId} store={store} group={group} line={line} products={products} />
        ))}
      </ul>
      <div role="alert">
        {refusal !== null && (
          <p className="problem">
            {refusal.message}{" "}
            <button
              type="button"
              className="link"
              onClick={() => {
                store.change((basket) => withoutRefusal(basket, seller.id));
              }}
            >
              Dismiss
            </button>
          </p>
        )}
        {attempt !== null && !busy && (
          <p className="problem">
            No answer came: it may be placed or not. Place it again to find out; it is not ordered twice.
          </p>
        )}
      </div>
    </section>
  );
}

interface RowProps extends Omit<SellerProps, "busy"> {
  line: Line;
}

function Row({ store, group, line, products }: RowProps): JSX.Element {
  const trouble = troubleOf(line, group, products);
  const put = (quantity: number) => {
    store.change((basket) => withQuantity(basket, group.seller.id, line.productId, quantity));
  };
  return (
    <li data-product={line.productId} data-trouble={trouble === null ? undefined : true}>
      <div className="pair">
        <span>
          <span className="number">{number(line.quantity)} ×</span> <bdi>{line.name}</bdi>
        </span>
        <span className="number">{money(priceOf(line, products) * line.quantity, line.currency)}</span>
      </div>
      {trouble !== null && (
        <div className="pair small">
          <b className="few">{trouble.text}</b>
          {group.attempt === null && (
            <span>
              {trouble.most > 0 && (
                <button
                  type="button"
                  className="button compact"
                  aria-label={`Take ${trouble.most} of ${line.name}`}
                  onClick={() => {
                    put(trouble.most);
                  }}
                >
                  Take {number(trouble.most)}
                </button>
              )}{" "}
              <button
                type="button"
                className="button compact"
                aria-label={`Remove ${line.name}`}
                onClick={() => {
                  put(0);
                }}
              >
                Remove
              </button>
            </span>
          )}
        </div>
      )}
    </li>
  );
}

function priceOf(line: Line, products: Known): number {
  return products.get(line.productId)?.priceCents ?? line.priceCents;
}

/** The sum of each currency. */
function totals(lines: readonly Line[], products: Known): string {
  const sums = new Map<string, number>();
  for (const line of lines) {
    const cents = priceOf(line, products) * line.quantity;
    sums.set(line.currency, (sums.get(line.currency) ?? 0) + cents);
  }
  if (sums.size === 0) return money(0, "EUR");
  return [...sums].map(([currency, cents]) => money(cents, currency)).join(" + ");
}
