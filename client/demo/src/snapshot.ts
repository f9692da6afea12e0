/** A list that the service gives, read again whenever what happened since may have been missed. */

import { useCallback, useEffect, useRef, useState } from "react";
import { reason } from "./api";
import { useCurrentConnection } from "./live";

export interface Snapshot<T> {
  data: T | null; // null until it was read once
  problem: string | null; // of the newest attempt
  reload: () => void;
  change: (edit: (data: T) => T) => void;
}

/** `load` must be the same function each time, or what it reads is read again. */
export function useSnapshot<T>(load: () => Promise<T>): Snapshot<T> {
  const [data, setData] = useState<T | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const newest = useRef(0);
  const isRead = useRef(false);
  const connection = useCurrentConnection();

  const reload = useCallback(() => {
    const number = (newest.current += 1);
    isRead.current = false;
    load().then(
      (loaded) => {
        if (number !== newest.current) return; // an older answer than the one that is asked for
        isRead.current = true;
        setData(loaded);
        setProblem(null);
      },
      (error: unknown) => {
        if (number === newest.current) setProblem(reason(error));
      },
    );
  }, [load]);

  useEffect(() => {
    reload();
    return () => {
      newest.current += 1;
    };
  }, [reload]);
  // Connected first and read second: nothing falls in between. A recovered connection brings what
  // happened since the list was read; one that was not read, or failed as the connection did, it
  // cannot bring up to date.
  useEffect(
    () =>
      connection?.onLive((recovered) => {
        if (!recovered || !isRead.current) reload();
      }),
    [connection, reload],
  );

  const change = useCallback((edit: (data: T) => T) => {
    setData((old) => (old === null ? old : edit(old)));
  }, []);
  return { data, problem, reload, change };
}

/** A function that runs once a moment after it was called, however often. */
export function useSoon(action: () => void, afterMs = 250): () => void {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(
    () => () => {
      clearTimeout(timer.current);
    },
    [],
  );
  return useCallback(() => {
    clearTimeout(timer.current);
    timer.current = setTimeout(action, afterMs);
  }, [action, afterMs]);
}
