/** Lists and answers of /api/admin. */

import { useCallback, useEffect, useState } from "react";
import { call } from "../api";

const TYPING_MS = 250;

export interface List<Item> {
  items: readonly Item[];
  total: number | null; // null: the list does not say
  status: "loading" | "ready" | "failed";
  error: unknown;
  more: (() => void) | null; // null: these are all
  reload: () => void;
}

interface State<Item> {
  of: string;
  items: readonly Item[];
  total: number | null;
  cursor: string | null;
  status: List<Item>["status"];
  error: unknown;
}

/** A list that is read page by page; `field` has its items in the answer. */
export function useList<Item>(path: string, field: string, query: Record<string, string>): List<Item> {
  const given = new URLSearchParams(Object.entries(query).filter(([, value]) => value.trim() !== ""));
  const of = `${path}?${given.toString()}`;
  const [round, setRound] = useState({ number: 0, cursor: null as string | null });
  const [state, setState] = useState<State<Item>>(() => empty(of));

  useEffect(() => {
    let ended = false;
    const load = async () => {
      const from = round.cursor === null ? "" : `&cursor=${encodeURIComponent(round.cursor)}`;
      try {
        const { body } = await call<Record<string, unknown>>("GET", `${of}${from}`, undefined);
        if (ended) return;
        const items = body[field] as readonly Item[];
        setState((before) => ({
          of,
          items: round.cursor === null || before.of !== of ? items : [...before.items, ...items],
          total: typeof body.total === "number" ? body.total : null,
          cursor: body.nextCursor as string | null,
          status: "ready",
          error: null,
        }));
      } catch (error) {
        if (!ended) setState((before) => ({ ...before, of, status: "failed", error }));
      }
    };
    const timer = setTimeout(() => void load(), round.number === 0 ? TYPING_MS : 0);
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }, [of, field, round]);

  const reload = useCallback(() => {
    setRound(({ number }) => ({ number: number + 1, cursor: null }));
  }, []);
  const isCurrent = state.of === of;
  const { cursor } = state;
  return {
    items: isCurrent ? state.items : [],
    total: isCurrent ? state.total : null,
    status: isCurrent ? state.status : "loading",
    error: state.error,
    reload,
    more:
      cursor === null || !isCurrent
        ? null
        : () => {
            setRound(({ number }) => ({ number: number + 1, cursor }));
          },
  };
}

function empty<Item>(of: string): State<Item> {
  return { of, items: [], total: null, cursor: null, status: "loading", error: null };
}
