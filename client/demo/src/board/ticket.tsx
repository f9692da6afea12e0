/** An order on the board, and the gap that it leaves. */

import { memo, type JSX, type MouseEvent } from "react";
import { FORWARD, moment, money, STOP, summary, type Order, type Status } from "../orders";
import { StatusPill } from "../parts";
import { Menu } from "./menu";
import { move, stop, undo, UNDO_SECONDS } from "./moves";

interface Props {
  order: Order;
  busy: boolean;
  stopping: Status | undefined; // its status in a few seconds, unless undone
}

export const Ticket = memo(function Ticket({ order, busy, stopping }: Props): JSX.Element {
  return (
    <li
      className="card ticket"
      tabIndex={-1}
      aria-label={order.orderNumber}
      data-order={order.id}
      data-status={order.status}
      data-stopping={stopping}
    >
      <Content order={order} />
      {stopping === undefined ? <Moves order={order} busy={busy} /> : <Undo order={order} to={stopping} busy={busy} />}
    </li>
  );
});

/** A gap as high as the ticket, so that the next ticket does not come under the pointer. */
export const Gap = memo(function Gap({ order, was }: { order: Order; was: Status }): JSX.Element {
  return (
    <li className="card gap" data-gap={order.id} data-status={was} inert>
      <Content order={order} />
      <div className="moves">
        <StatusPill status={order.status} />
      </div>
    </li>
  );
});

function Content({ order }: { order: Order }): JSX.Element {
  return (
    <>
      <div className="pair">
        <h3 className="number">{order.orderNumber}</h3>
        <time className="quiet small number" dateTime={order.createdAt}>
          {moment(order.createdAt)}
        </time>
      </div>
      <p className="items">{summary(order)}</p>
      <p className="pair small">
        <bdi>{order.user.name}</bdi>
        <b className="number">{money(order.totalCents, order.currency)}</b>
      </p>
    </>
  );
}

function Moves({ order, busy }: { order: Order; busy: boolean }): JSX.Element | null {
  const forward = FORWARD[order.status];
  const end = STOP[order.status];
  if (forward === undefined && end === undefined) {
    return (
      <div className="moves">
        <StatusPill status={order.status} />
      </div>
    );
  }
  return (
    <div className="moves">
      {forward !== undefined && (
        <button
          type="button"
          className="button compact primary"
          aria-label={`${forward.verb} ${order.orderNumber}`}
          aria-disabled={busy}
          onClick={once(() => {
            move(order, forward.to);
          })}
        >
          {forward.verb}
        </button>
      )}
      {end !== undefined && (
        <Menu
          label={`More for ${order.orderNumber}`}
          actions={[
            {
              name: `${end.verb} ${order.orderNumber}`,
              act: () => {
                stop(order, end.to);
              },
            },
          ]}
        />
      )}
    </div>
  );
}

function Undo({ order, to, busy }: { order: Order; to: Status; busy: boolean }): JSX.Element {
  return (
    <div className="moves stopping">
      <span className="small" style={{ animationDuration: `${UNDO_SECONDS}s` }}>
        {to === "refunded" ? "Refunding" : "Cancelling"} in {UNDO_SECONDS} s
      </span>
      <button
        type="button"
        className="button compact"
        aria-label={`Undo for ${order.orderNumber}`}
        aria-disabled={busy}
        onClick={once(() => {
          undo(order);
        })}
      >
        Undo
      </button>
    </div>
  );
}

/** Ignore the second press of a double click, which hits whatever has come under the pointer. */
function once(act: () => void): (event: MouseEvent) => void {
  return ({ detail }) => {
    if (detail <= 1) act();
  };
}
