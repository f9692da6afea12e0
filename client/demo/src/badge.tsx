/** How the connection is, and what to do where it is refused. */

import { useSyncExternalStore, type JSX } from "react";
import { reason } from "./api";
import { tryNow } from "./following";
import { useBadge, useConnection, type Badge } from "./live";
import { problem, subscribe } from "./session";

const SAYS: Record<Badge, string> = {
  connecting: "Connecting",
  unanswered: "No answer",
  live: "Live",
  delayed: "Delayed",
  reconnecting: "Reconnecting",
  offline: "Offline",
  recovered: "Recovered",
  reloaded: "Reloaded",
  refused: "Not connected",
};
const MEANS: Record<Badge, string> = {
  connecting: "The connection is being made.",
  unanswered: "The service does not answer. It is tried again.",
  live: "You see every change as it happens.",
  delayed: "The connection is up, and changes arrive late.",
  reconnecting: "The connection is lost. It comes back by itself.",
  offline: "This device has no network. The connection comes back with it.",
  recovered: "The connection is back, with everything that happened meanwhile.",
  reloaded: "The connection is back, and what you see was read again.",
  refused: "The service does not accept this connection now. It is tried again.",
};
const REFUSED: Record<string, string> = {
  too_many_connections: "You have too many windows open. Close another one: this one connects as soon as it can.",
  unavailable: "The service cannot check your session right now. It is tried again.",
};

export function ConnectionBadge(): JSX.Element {
  const badge = useBadge();
  const { transport } = useConnection();
  return (
    <span className="badge" data-state={badge} data-transport={transport} role="status" title={MEANS[badge]}>
      {SAYS[badge]}
    </span>
  );
}

/** Why there is no connection, where the page has nothing to show without it or cannot mend it. */
export function Trouble(): JSX.Element | null {
  const badge = useBadge();
  const { refusal, connects } = useConnection();
  const failure = useSyncExternalStore(subscribe, problem);
  const text =
    badge === "refused"
      ? (REFUSED[refusal?.code ?? ""] ?? `${MEANS.refused} It says: ${refusal?.message ?? ""}`)
      : connects > 0
        ? null
        : badge === "offline"
          ? MEANS.offline
          : badge === "unanswered"
            ? failure === null
              ? MEANS.unanswered
              : `${reason(failure)} It is tried again by itself.`
            : null;
  if (text === null) return null;
  return (
    <div className="card trouble" role="alert">
      <p>{text}</p>
      {badge === "refused" && (
        <button type="button" className="button" onClick={tryNow}>
          Try now
        </button>
      )}
    </div>
  );
}
