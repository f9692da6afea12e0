/** What the package gives, under one name, and what the badge says of the connection. */

import { useEffect, useState } from "react";
import { useConnection } from "../../src/react";

export { useConnection, useCurrentConnection, useEvent, useLowStock, useNotifications, useOrderUpdates, useSellerOrders } from "../../src/react";

export type Badge = "connecting" | "live" | "reconnecting" | "recovered" | "reloaded" | "refused";

const NEWS_MS = 6_000; // how long it says that it came back

/** How the connection is: just after it came back, also whether it knows what it missed. */
export function useBadge(): Badge {
  const { state, recovered, connects } = useConnection();
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
      if (connects === old) return "live";
      return recovered ? "recovered" : connects > 1 ? "reloaded" : "live";
    default:
      return state satisfies never;
  }
}
