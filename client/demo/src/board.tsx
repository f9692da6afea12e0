/** The seller's board: a column for each status, and one step or key to the next. */

import { useLayoutEffect, useRef, useState, type JSX, type KeyboardEvent } from "react";
import { moveOrder, reason } from "./api";
import { useSellerOrders } from "./live";
import { FLOW, FORWARD, LABEL, moment, money, STOP, summary, type Order, type Status } from "./orders";
import { Empty, Failed, Head, Loading, StatusPill } from "./parts";
import { show } from "./toasts";

const DONE_SHOWN = 6; // delivered ones; the rest is counted

export function Board(): JSX.Element {
  const { orders, status, error, reload, put } = useSellerOrders();
  const [busy, setBusy] = useState<ReadonlySet<string>>(new Set());
  const [said, setSaid] = useState("");
  const follow = useRef<string | null>(null); // the order that had the focus when it moved

  // Its button was in another column: there it is another element.
  useLayoutEffect(() => {
    if (follow.current === null || document.activeElement !== document.body) return;
    focusOrder(follow.current);
    follow.current = null;
  }, [orders]);

  const move = async (order: Order, to: Status) => {
    if (busy.has(order.id)) return;
    setBusy((all) => new Set(all).add(order.id));
    follow.current = order.id;
    put({ ...order, status: to }); // at once; what the service answers counts
    try {
      put(await moveOrder(order, to));
      setSaid(`${order.orderNumber}: ${LABEL[to]}`);
    } catch (problem) {
      follow.current = order.id;
      put(order);
      show({ kind: "error", title: `${order.orderNumber} was not moved`, message: reason(problem) });
      reload();
    }
    setBusy((all) => new Set([...all].filter((id) => id !== order.id)));
  };
  const of = (wanted: Status) => orders.filter((order) => order.status === wanted);
  const closed = orders.filter(({ status: one }) => one === "cancelled" || one === "refunded");
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
        {said}
      </p>
      {orders.length === 0 && error !== null && <Failed message={reason(error)} retry={reload} />}
      {status === "loading" && orders.length === 0 && <Loading className="board" count={5} />}
      {isEmpty && (
        <Empty title="No orders yet">
          <p>The first one appears here the moment a customer places it. There is nothing to reload.</p>
        </Empty>
      )}
      {orders.length > 0 && (
        <div className="board" onKeyDown={walk}>
          {FLOW.map((step) => (
            <Column key={step} step={step} orders={of(step)} busy={busy} move={move} />
          ))}
        </div>
      )}
      {closed.length > 0 && (
        <details className="shelf">
          <summary>Cancelled and refunded ({closed.length})</summary>
          <ul className="card rows">
            {closed.map((order) => (
              <li key={order.id} data-order={order.id}>
                <span>
                  <b className="number">{order.orderNumber}</b> · {order.user.name}
                </span>
                <span className="number">{money(order.totalCents, order.currency)}</span>
                <StatusPill status={order.status} />
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

interface Moving {
  busy: ReadonlySet<string>;
  move: (order: Order, to: Status) => Promise<void>;
}

function Column({ step, orders, ...moving }: Moving & { step: Status; orders: Order[] }): JSX.Element {
  const shown = step === "delivered" ? orders.slice(0, DONE_SHOWN) : orders;
  return (
    <section className="column" data-status={step} aria-labelledby={`column-${step}`}>
      <h2 id={`column-${step}`}>
        {LABEL[step]}
        <span className="count">
          {orders.length}
          <span className="sr"> orders</span>
        </span>
      </h2>
      {orders.length === 0 && <p>None now.</p>}
      <ul>
        {shown.map((order) => (
          <Ticket key={order.id} order={order} {...moving} />
        ))}
      </ul>
      {shown.length < orders.length && <p>and {orders.length - shown.length} earlier ones</p>}
    </section>
  );
}

function Ticket({ order, busy, move }: Moving & { order: Order }): JSX.Element {
  const moves = [FORWARD[order.status], STOP[order.status]].filter((one) => one !== undefined);
  return (
    <li
      className="card ticket"
      data-order={order.id}
      data-status={order.status}
      aria-busy={busy.has(order.id)}
    >
      <div className="pair">
        <h3 className="number">{order.orderNumber}</h3>
        <time className="quiet small number" dateTime={order.createdAt}>
          {moment(order.createdAt)}
        </time>
      </div>
      <p className="items">{summary(order)}</p>
      <p className="pair small">
        <span>{order.user.name}</span>
        <b className="number">{money(order.totalCents, order.currency)}</b>
      </p>
      <div className="moves">
        {moves.map(({ to, verb }) => (
          <button
            key={to}
            type="button"
            className={`button compact ${to === FORWARD[order.status]?.to ? "primary" : "plain"}`}
            aria-label={`${verb} ${order.orderNumber}`}
            onClick={() => void move(order, to)}
          >
            {verb}
          </button>
        ))}
      </div>
    </li>
  );
}

function focusOrder(id: string): void {
  document.querySelector<HTMLElement>(`[data-order="${CSS.escape(id)}"] button`)?.focus();
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
  const target = steps.get(event.key)?.();
  if (target === undefined) return;
  event.preventDefault();
  target.querySelector("button")?.focus();
}

function tickets(column: HTMLElement): HTMLElement[] {
  return [...column.querySelectorAll<HTMLElement>(".ticket")];
}
