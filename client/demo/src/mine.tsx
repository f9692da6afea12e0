/** The customer's orders, each with its way so far, which goes on by itself. */

import { useState, type JSX } from "react";
import { moveOrder, orders, reason } from "./api";
import { moment, money } from "./format";
import { live, useEvent, useLive, withOrder } from "./live";
import { Items } from "./names";
import { FLOW, LABEL, type Order, type Status } from "./orders";
import { Empty, Failed, Head, Loading, StatusPill } from "./parts";
import { show } from "./toasts";

const mine = live(orders, {
  "order:placed": (all, order) => withOrder(order)(all),
  "order:status": (all, { id, status }) =>
    all.map((order) => (order.id === id ? { ...order, status } : order)),
});

export function MyOrders(): JSX.Element {
  const { value, error, reload, reloadSoon, change } = useLive(mine);
  useEvent("order:status", reloadSoon); // the event says the status only
  const replace = (moved: Order) => {
    change((all) => all.map((order) => (order.id === moved.id ? moved : order)));
  };
  return (
    <>
      <Head title="My orders">
        <p>Each moves here the moment the seller moves it.</p>
      </Head>
      {value === undefined && error !== null && <Failed message={reason(error)} retry={reload} />}
      {value === undefined && error === null && <Loading className="orders" count={4} />}
      {value?.length === 0 && (
        <Empty title="No orders yet">
          <p>What you order is followed here, from placed to delivered.</p>
          <a className="button primary" href="#/shop">
            Go to the shop
          </a>
        </Empty>
      )}
      <ul className="orders">
        {value?.map((order) => (
          <OrderCard key={order.id} order={order} replace={replace} reload={reload} />
        ))}
      </ul>
    </>
  );
}

interface Props {
  order: Order;
  replace: (moved: Order) => void;
  reload: () => void;
}

function OrderCard({ order, replace, reload }: Props): JSX.Element {
  const [busy, setBusy] = useState(false);
  const cancel = async () => {
    setBusy(true);
    try {
      replace(await moveOrder(order, "cancelled"));
    } catch (error) {
      show({ kind: "error", title: `${order.orderNumber} was not cancelled`, message: reason(error) });
      reload();
    } finally {
      setBusy(false);
    }
  };
  return (
    <li className="card order" data-order={order.id} aria-labelledby={`order-${order.id}`}>
      <div className="pair">
        <div>
          <h2 id={`order-${order.id}`} className="number">
            {order.orderNumber}
          </h2>
          <p className="quiet small">
            <bdi>{order.seller.name}</bdi> · <time dateTime={order.createdAt}>{moment(order.createdAt)}</time>
          </p>
        </div>
        <StatusPill status={order.status} />
      </div>
      <Timeline status={order.status} />
      <footer>
        <p className="small">
          <Items order={order} /> · <b className="number">{money(order.totalCents, order.currency)}</b>
        </p>
        {order.status === "pending" && (
          <button
            type="button"
            className="button compact"
            disabled={busy}
            aria-label={`Cancel ${order.orderNumber}`}
            onClick={() => void cancel()}
          >
            Cancel
          </button>
        )}
      </footer>
    </li>
  );
}

const STEPS: Partial<Record<Status, string>> = { pending: "Placed", processing: "In the works" };

function Timeline({ status }: { status: Status }): JSX.Element {
  const off = status === "cancelled" || status === "refunded";
  const at = status === "refunded" ? FLOW.length - 1 : FLOW.findIndex((step) => step === status);
  return (
    <ol className="timeline" data-off={off || undefined} aria-label={`Progress: ${LABEL[status]}`}>
      {FLOW.map((step, index) => (
        <li
          key={step}
          data-done={index <= at || undefined}
          aria-current={!off && index === at ? "step" : undefined}
        >
          {STEPS[step] ?? LABEL[step]}
        </li>
      ))}
    </ol>
  );
}
