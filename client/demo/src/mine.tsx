/** The customer's orders, each with its way so far, which goes on by itself. */

import { useState, type JSX } from "react";
import { moveOrder, orders, reason } from "./api";
import { useOrderUpdates } from "./live";
import { FLOW, LABEL, moment, money, summary, type Order, type Status } from "./orders";
import { Empty, Failed, Head, Loading, StatusPill } from "./parts";
import { useSnapshot } from "./snapshot";
import { show } from "./toasts";

export function MyOrders(): JSX.Element {
  const { data, problem, reload, change } = useSnapshot(orders);
  const update = (id: string, edit: (order: Order) => Order) => {
    change((all) => all.map((order) => (order.id === id ? edit(order) : order)));
  };
  return (
    <>
      <Head title="My orders">
        <p>Each moves here the moment the seller moves it.</p>
      </Head>
      {data === null && problem !== null && <Failed message={problem} retry={reload} />}
      {data === null && problem === null && <Loading className="orders" count={4} />}
      {data?.length === 0 && (
        <Empty title="No orders yet">
          <p>What you order is followed here, from placed to delivered.</p>
          <a className="button primary" href="#/shop">
            Go to the shop
          </a>
        </Empty>
      )}
      <ul className="orders">
        {data?.map((order) => (
          <OrderCard key={order.id} order={order} update={update} reload={reload} />
        ))}
      </ul>
    </>
  );
}

interface Props {
  order: Order;
  update: (id: string, edit: (order: Order) => Order) => void;
  reload: () => void;
}

function OrderCard({ order, update, reload }: Props): JSX.Element {
  const [busy, setBusy] = useState(false);
  useOrderUpdates(order.id, ({ status }) => {
    update(order.id, (old) => ({ ...old, status, updatedAt: new Date().toISOString() }));
    reload(); // the event says the status only
  });
  const cancel = async () => {
    setBusy(true);
    try {
      const moved = await moveOrder(order, "cancelled");
      update(order.id, () => moved);
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
            {order.seller.name} · <time dateTime={order.createdAt}>{moment(order.createdAt)}</time>
          </p>
        </div>
        <StatusPill status={order.status} />
      </div>
      <Timeline status={order.status} />
      <footer>
        <p className="small">
          {summary(order)} · <b className="number">{money(order.totalCents, order.currency)}</b>
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
