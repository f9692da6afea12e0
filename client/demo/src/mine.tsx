/** The customer's orders, each with its way so far, which goes on by itself. */

import type { JSX } from "react";
import { reason, type OrderPage } from "./api";
import { moment, money } from "./format";
import { useCurrentConnection, useEvent, useLive } from "./live";
import { Items } from "./names";
import { Cancel } from "./order/cancel";
import { mine, older } from "./order/mine";
import { Progress } from "./order/progress";
import type { Order } from "./orders";
import { Empty, Failed, Head, Loading, More, StatusPill } from "./parts";
import { orderPath } from "./router";

export function MyOrders(): JSX.Element {
  const { value, error, reload, reloadSoon, change } = useLive(mine);
  useEvent("order:status", ({ id }) => {
    // Of an order that is not here: a script's, or one that came without order:placed.
    if (value?.orders.every((order) => order.id !== id)) reloadSoon();
  });
  const replace = (moved: Order) => {
    change((page) => ({ ...page, orders: page.orders.map((order) => (order.id === moved.id ? moved : order)) }));
  };
  return (
    <>
      <Head title="My orders">
        <p>Each moves here the moment the seller moves it.</p>
      </Head>
      {value === undefined && error !== null && <Failed message={reason(error)} retry={reload} />}
      {value === undefined && error === null && <Loading className="orders" count={4} />}
      {value?.orders.length === 0 && (
        <Empty title="No orders yet">
          <p>What you order is followed here, from placed to delivered.</p>
          <a className="button primary" href="/shop">
            Go to the shop
          </a>
        </Empty>
      )}
      <ul className="orders">
        {value?.orders.map((order) => (
          <OrderCard key={order.id} order={order} replace={replace} reload={reload} />
        ))}
      </ul>
      {value !== undefined && value.nextCursor !== null && <Older page={value} />}
    </>
  );
}

function Older({ page }: { page: OrderPage }): JSX.Element {
  const connection = useCurrentConnection();
  return <More load={() => (connection === null ? Promise.resolve() : older(connection, page))}>Older orders</More>;
}

interface Props {
  order: Order;
  replace: (moved: Order) => void;
  reload: () => void;
}

function OrderCard({ order, replace, reload }: Props): JSX.Element {
  return (
    <li className="card order" data-order={order.id} aria-labelledby={`order-${order.id}`}>
      <div className="pair">
        <div>
          <h2 id={`order-${order.id}`} className="number">
            <a href={orderPath(order.id)}>{order.orderNumber}</a>
          </h2>
          <p className="quiet small">
            <bdi>{order.seller.name}</bdi> · <time dateTime={order.createdAt}>{moment(order.createdAt)}</time>
          </p>
        </div>
        <StatusPill status={order.status} />
      </div>
      <Progress status={order.status} />
      <footer>
        <p className="small">
          <Items order={order} /> · <b className="number">{money(order.totalCents, order.currency)}</b>
        </p>
        <Cancel order={order} replace={replace} reload={reload} />
      </footer>
    </li>
  );
}
