/** The customer's way out, while the seller has not confirmed the order. */

import { useState, type JSX } from "react";
import { moveOrder, reason } from "../api";
import type { Order } from "../orders";
import { show } from "../toasts";

interface Props {
  order: Order;
  replace: (moved: Order) => void;
  reload: () => void;
}

export function Cancel({ order, replace, reload }: Props): JSX.Element | null {
  const [busy, setBusy] = useState(false);
  if (order.status !== "pending") return null;
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
    <button
      type="button"
      className="button compact"
      aria-disabled={busy}
      aria-label={`Cancel ${order.orderNumber}`}
      onClick={() => void (busy || cancel())}
    >
      Cancel
    </button>
  );
}
