/** The user's notifications: those of the list, and those that arrived and are in none. */

import { useEffect, useEffectEvent, useSyncExternalStore } from "react";
import { ApiError } from "../../../src/index";
import { useCurrentConnection, useEvent, useNotifications } from "../live";
import { boxOf, follow } from "./box";
import { merged, type Notice } from "./notice";

/** Once, while somebody is signed in. */
export function useArrivals(userId: string): void {
  const connection = useCurrentConnection();
  const { stored, status, markRead } = useNotifications();
  const box = boxOf(userId);
  const { toRead } = useSyncExternalStore(box.subscribe, box.state);
  const next = status === "ready" ? toRead[0] : undefined;
  const pass = (_: unknown, offset?: string) => {
    box.pass(offset);
  };
  useEvent("notification", (notification, offset) => {
    box.receive(notification, offset);
  });
  useEvent("order:status", pass);
  useEvent("order:placed", pass);
  useEvent("order:new", pass);
  useEvent("inventory:low-stock", pass);
  useEffect(() => {
    if (status === "ready") box.match(stored);
  }, [box, stored, status]);
  const mark = useEffectEvent(async (id: string) => {
    try {
      await markRead(id);
      box.mark(id);
    } catch (error) {
      if (error instanceof ApiError) box.mark(id); // else it is tried again after a reload
    }
  });
  useEffect(() => {
    if (next !== undefined) void mark(next);
  }, [next]);
  useEffect(() => (connection === null ? undefined : follow(box, connection)), [box, connection]);
}

export function useNotices(userId: string) {
  const box = boxOf(userId);
  const { arrivals, toRead } = useSyncExternalStore(box.subscribe, box.state);
  const { stored, status, error, reload, markRead } = useNotifications();
  const notices = merged(stored, arrivals, toRead);
  return {
    notices,
    listed: stored,
    unread: notices.filter((one) => !one.isRead).length,
    status,
    error,
    reload,
    /** Rejects with ApiError. */
    markRead: async ({ id, key }: Notice): Promise<void> => {
      if (id === null) box.read(key);
      else await markRead(id);
    },
  };
}
