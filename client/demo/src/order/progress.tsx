/** How far an order has come. */

import type { JSX } from "react";
import { FLOW, LABEL, type Status } from "../orders";

const STEPS: Partial<Record<Status, string>> = { pending: "Placed", processing: "In the works" };

export function Progress({ status }: { status: Status }): JSX.Element {
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
