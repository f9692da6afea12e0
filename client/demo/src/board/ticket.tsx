/** An order on the board, and the gap that it leaves. */

import { memo, type DragEvent, type JSX } from "react";
import { money } from "../format";
import { Items } from "../names";
import { FORWARD, STOP, type Order, type Status } from "../orders";
import { StatusPill } from "../parts";
import { Age, Deadline } from "./age";
import { Menu } from "./menu";
import { move, stop, undo, UNDO_SECONDS } from "./moves";
import { once } from "./press";
import { Tick, type Selection } from "./selection";

interface Props {
  order: Order;
  busy: boolean;
  stopping: Status | undefined; // its status in a few seconds, unless undone
  isStop?: boolean; // for Tab; the arrows reach all
  selection: Selection | null; // while orders are selected
  drag: (order: Order | null) => void;
}

export const Ticket = memo(function Ticket(props: Props): JSX.Element {
  const { order, stopping, drag } = props;
  const begin = (event: DragEvent) => {
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", order.orderNumber);
    drag(order);
  };
  return (
    <li
      className="card ticket"
      tabIndex={-1}
      aria-label={order.orderNumber}
      data-order={order.id}
      data-status={order.status}
      data-stopping={stopping}
      draggable={stopping === undefined && canMove(order)}
      onDragStart={begin}
      onDragEnd={() => {
        drag(null);
      }}
    >
      <Content order={order} />
      <Foot {...props} />
    </li>
  );
});

export function Foot({ order, busy, stopping, selection, isStop = true }: Omit<Props, "drag">): JSX.Element {
  if (stopping !== undefined) return <Undo order={order} to={stopping} busy={busy} tabIndex={isStop ? 0 : -1} />;
  if (selection !== null && canMove(order)) return <Tick order={order} selection={selection} tabIndex={isStop ? 0 : -1} />;
  return <Moves order={order} busy={busy} tabIndex={isStop ? 0 : -1} />;
}

/** A gap as high as the ticket, so that the next ticket does not come under the pointer. */
export const Gap = memo(function Gap({ order, now }: { order: Order; now: Status | undefined }): JSX.Element {
  return (
    <li className="card gap" data-gap={order.id} data-status={order.status} inert>
      <Content order={order} />
      <div className="moves">{now !== undefined && <StatusPill status={now} />}</div>
    </li>
  );
});

function Content({ order }: { order: Order }): JSX.Element {
  return (
    <>
      <div className="pair">
        <h3 className="number">{order.orderNumber}</h3>
        <Age order={order} />
      </div>
      <Deadline order={order} />
      <p className="items">
        <Items order={order} />
      </p>
      <p className="pair small">
        <bdi>{order.user.name}</bdi>
        <b className="number">{money(order.totalCents, order.currency)}</b>
      </p>
    </>
  );
}

function Moves({ order, busy, tabIndex }: { order: Order; busy: boolean; tabIndex: number }): JSX.Element {
  const forward = FORWARD[order.status];
  const end = STOP[order.status];
  if (!canMove(order)) {
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
          tabIndex={tabIndex}
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
          tabIndex={tabIndex}
          actions={[
            {
              name: end.verb,
              of: order.orderNumber,
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

interface UndoProps {
  order: Order;
  to: Status;
  busy: boolean;
  tabIndex: number;
}

function Undo({ order, to, busy, tabIndex }: UndoProps): JSX.Element {
  return (
    <div className="moves stopping">
      <span className="small" style={{ animationDuration: `${UNDO_SECONDS}s` }}>
        {to === "refunded" ? "Refunding" : "Cancelling"} in {UNDO_SECONDS} s
      </span>
      <button
        type="button"
        className="button compact"
        tabIndex={tabIndex}
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

export function canMove({ status }: Order): boolean {
  return FORWARD[status] !== undefined || STOP[status] !== undefined;
}
