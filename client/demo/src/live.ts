/** What the package gives, under one name, and what the badge says of the connection. */

import { useEffect, useState, useSyncExternalStore } from "react";
import { useConnection } from "../../src/react";
import { problem, subscribe } from "./session";

export { live, withOrder } from "../../src/index";
export {
  useConnection,
  useCurrentConnection,
  useEvent,
  useLive,
  useLowStock,
  useNotifications,
  useOrderUpdates,
  useReload,
  useSellerOrders,
} from "../../src/react";

export type Badge =
  | "connecting"
  | "unanswered"
  | "live"
  | "delayed"
  | "reconnecting"
  | "offline"
  | "recovered"
  | "reloaded"
  | "refused";

const NEWS_MS = 6_000; // how long it says that it came back

const READINESS_MS = 5_000; // between two questions whether the service is late, and half as much more
const PATIENCE_MS = 5_000; // it answers within 3 s, whatever hangs

/** Whether the service says that events arrive late, asked while the connection is up. */
function useDelayed(connected: boolean): boolean {
  const [delayed, setDelayed] = useState(false);
  useEffect(() => {
    if (!connected) return undefined;
    let ended = false;
    let timer: ReturnType<typeof setTimeout>;
    const ask = async (): Promise<void> => {
      const late = document.hidden ? undefined : await isLate();
      if (ended) return;
      if (late !== undefined) setDelayed(late);
      timer = setTimeout(() => void ask(), READINESS_MS * (1 + Math.random() / 2));
    };
    void ask();
    return () => {
      ended = true;
      clearTimeout(timer);
      setDelayed(false);
    };
  }, [connected]);
  return delayed;
}

/** undefined: no answer, which the connection itself will notice. */
async function isLate(): Promise<boolean | undefined> {
  try {
    const answer = await fetch("/readyz", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
    const { status } = (await answer.json()) as { status: string };
    return status === "degraded" || status === "unavailable";
  } catch {
    return undefined;
  }
}

// Refusals that end in a moment: with a connection, at the door, or with another reason.
const SHORT = new Set(["disconnected", "token_revoked", "token_invalid", "token_expired"]);

/** Whether the device has a network, as far as the browser knows. */
function useOnline(): boolean {
  return useSyncExternalStore(onNetwork, () => navigator.onLine);
}

function onNetwork(listener: () => void): () => void {
  const names = ["online", "offline"];
  for (const name of names) addEventListener(name, listener);
  return () => {
    for (const name of names) removeEventListener(name, listener);
  };
}

/** How the connection is: just after it came back, also whether it knows what it missed. */
export function useBadge(): Badge {
  const { state, recovered, connects, refusal } = useConnection();
  const delayed = useDelayed(state === "live");
  const online = useOnline();
  const failure = useSyncExternalStore(subscribe, problem);
  const [old, setOld] = useState(0); // the connect that is no news any more
  useEffect(() => {
    if (state !== "live") return undefined;
    const timer = setTimeout(() => {
      setOld(connects);
    }, NEWS_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [state, connects]);

  switch (state) {
    case "idle":
    case "connecting":
    case "reconnecting":
      if (!online) return "offline";
      if (connects > 0) return "reconnecting";
      return state === "reconnecting" || failure !== null ? "unanswered" : "connecting";
    case "refused":
      if (!online) return "offline";
      return refusal !== null && SHORT.has(refusal.code) ? "reconnecting" : "refused";
    case "live":
      if (delayed) return "delayed";
      if (connects === old) return "live";
      return recovered ? "recovered" : connects > 1 ? "reloaded" : "live";
    default:
      return state satisfies never;
  }
}
