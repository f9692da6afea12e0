/** One order: what was bought, and what happened to it, when and by whom. */

import type { JSX } from "react";
import { reason } from "../api";
import { full, hour, money, number } from "../format";
import { useLive, useOrderUpdates } from "../live";
import { LABEL, type Order } from "../orders";
import { Empty, Failed, Head, Loading, StatusPill } from "../parts";
import type { User } from "../session";
import { Cancel } from "./cancel";
import { changes, detail, type By, type Detail, type Move } from "./detail";
import { Progress } from "./progress";

export function OrderPage({ id, user }: { id: string; user: User }): JSX.Element {
  const { value, error, reload, reloadSoon, change } = useLive<Detail | null>(detail(id), changes(id), [id]);
  useOrderUpdates(id, reloadSoon);
  if (value === undefined)
    return error === null ? <Loading className="orders" /> : <Failed message={reason(error)} retry={reload} />;
  if (value === null)
    return (
      <Empty title="There is no such order">
        <p>It may be another person’s, or the address is mistyped.</p>
        <a className="button primary" href="/">
          To the start
        </a>
      </Empty>
    );
  const { order, moves } = value;
  const isMine = order.user.id === user.id;
  return (
    <article className="narrow" data-order={order.id}>
      <Head title={order.orderNumber} tools={<StatusPill status={order.status} />}>
        <p>
          {isMine ? "From " : "For "}
          <bdi>{isMine ? order.seller.name : order.user.name}</bdi> ·{" "}
          <time dateTime={order.createdAt}>{full(order.createdAt)}</time>
        </p>
      </Head>
      <section className="card order" aria-label="Products">
        <Progress status={order.status} />
        <Lines order={order} />
        {order.status === "pending" && (
          <footer>
            <p className="small quiet">
              {order.expiresAt !== null &&
                `Cancelled by itself at ${hour(Date.parse(order.expiresAt))}, unless the seller confirms it.`}
            </p>
            {isMine && (
              <Cancel
                order={order}
                reload={reload}
                replace={(moved) => {
                  change((before) => before && { ...before, order: moved });
                }}
              />
            )}
          </footer>
        )}
      </section>
      <h2 id="history">What happened</h2>
      <ol className="card rows history" aria-labelledby="history">
        {moves.map((move) => (
          <Row key={move.version} move={move} user={user} />
        ))}
      </ol>
    </article>
  );
}

function Lines({ order }: { order: Order }): JSX.Element {
  return (
    <table className="lines">
      <thead className="sr">
        <tr>
          <th scope="col">Product</th>
          <th scope="col">Price</th>
        </tr>
      </thead>
      <tbody>
        {order.items.map((item) => (
          <tr key={item.productId}>
            <td>
              {number(item.quantity)} × <bdi>{item.name}</bdi>
            </td>
            <td className="number">{money(item.unitPriceCents * item.quantity, order.currency)}</td>
          </tr>
        ))}
      </tbody>
      <tfoot>
        <tr>
          <th scope="row">Total</th>
          <td className="number">{money(order.totalCents, order.currency)}</td>
        </tr>
      </tfoot>
    </table>
  );
}

function Row({ move, user }: { move: Move; user: User }): JSX.Element {
  return (
    <li data-version={move.version}>
      <div>
        <b>{move.version === 1 ? "Placed" : LABEL[move.status]}</b>{" "}
        <Mover by={move.by} isMe={move.by?.id === user.id} />
      </div>
      <time className="quiet small" dateTime={move.at}>
        {full(move.at)}
      </time>
    </li>
  );
}

const ROLE = { customer: "the customer", seller: "the seller", admin: "an administrator" };

function Mover({ by, isMe }: { by: By | null; isMe: boolean }): JSX.Element {
  if (by === null) return <span className="quiet">by whom is not recorded</span>;
  if (by.kind === "expiry") return <span className="quiet">by itself: the seller did not confirm it in time</span>;
  if (isMe) return <span>by you</span>;
  return (
    <span>
      by {by.name === null ? ROLE[by.kind] : <bdi>{by.name}</bdi>}
      {by.name !== null && <span className="quiet">, {ROLE[by.kind]}</span>}
    </span>
  );
}
