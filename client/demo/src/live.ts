/** What the package gives, under one name, and what the badge says of the connection. */

import { useEffect, useState } from "react";
import { useConnection } from "../../src/react";

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

export type Badge = "connecting" | "live" | "delayed" | "reconnecting" | "recovered" | "reloaded" | "refused";

const NEWS_MS = 6_000; // how long it says that it came back

const READINESS_MS = 3_000; // between two questions whether the service is late
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
      timer = setTimeout(() => void ask(), READINESS_MS);
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

/** How the connection is: just after it came back, also whether it knows what it missed. */
export function useBadge(): Badge {
  const { state, recovered, connects } = useConnection();
  const delayed = useDelayed(state === "live");
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
      return "connecting";
    case "reconnecting":
    case "refused":
      return state;
    case "live":
      if (delayed) return "delayed";
      if (connects === old) return "live";
      return recovered ? "recovered" : connects > 1 ? "reloaded" : "live";
    default:
      return state satisfies never;
  }
}
