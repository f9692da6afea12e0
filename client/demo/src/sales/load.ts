/** The orders of a filter: read page by page, and kept as they are now. */

import { useEffect, useState } from "react";
import { orderPage } from "../api";
import { useEvent, useReload } from "../live";
import type { Order } from "../orders";
import { queryOf, type Filter } from "./filter";

const MAX_PAGES = 10; // in one go: a thousand orders
const MAX_PAGES_OF_A_TIME = 100; // where a first and a last day are given: its chart has to be whole
const TYPING_MS = 250;

export interface Loaded {
  orders: readonly Order[];
  status: "loading" | "ready" | "failed";
  error: unknown;
  more: (() => void) | null; // null: these are all
  /** Every order of the filter, also those that were not read. Rejects with ApiError or NetworkError. */
  all: () => Promise<readonly Order[]>;
  news: number; // orders placed since
  reload: () => void;
}

interface State {
  query: string;
  orders: readonly Order[];
  cursor: string | null;
  status: Loaded["status"];
  error: unknown;
  news: number;
}

export function useOrdersOf(filter: Filter): Loaded {
  const query = queryOf(filter);
  const most = filter.from !== "" && filter.until !== "" ? MAX_PAGES_OF_A_TIME : MAX_PAGES;
  const [round, setRound] = useState({ number: 0, cursor: null as string | null });
  const [state, setState] = useState<State>(() => emptyOf(query));

  useEffect(() => {
    let ended = false;
    const load = async () => {
      let cursor = round.cursor;
      try {
        for (let page = 0; page < most; page += 1) {
          const isFirst = page === 0 && round.cursor === null;
          const answer = await orderPage(query, cursor);
          if (ended) return;
          cursor = answer.nextCursor;
          setState((before) => pageAdded(isFirst ? emptyOf(query) : before, answer.orders, answer.nextCursor));
          if (cursor === null) break;
        }
        setState((before) => ({ ...before, status: "ready" }));
      } catch (error) {
        if (!ended) setState((before) => ({ ...before, query, status: "failed", error }));
      }
    };
    const timer = setTimeout(() => void load(), round.number === 0 ? TYPING_MS : 0);
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }, [query, most, round]);

  const reload = () => {
    setRound(({ number }) => ({ number: number + 1, cursor: null }));
  };
  useReload(reload);
  useEvent("order:new", (order) => {
    setState((before) => changed(before, order));
  });
  const all = async () => {
    let { orders, cursor } = state;
    if (state.query !== query || state.status !== "ready") [orders, cursor] = [[], null];
    if (orders.length === 0 || cursor !== null) {
      do {
        const page = await orderPage(query, cursor);
        orders = joined(orders, page.orders);
        cursor = page.nextCursor;
      } while (cursor !== null);
    }
    return orders;
  };
  const isCurrent = state.query === query;
  const { cursor } = state;
  return {
    orders: isCurrent ? state.orders : [],
    status: isCurrent ? state.status : "loading",
    error: state.error,
    news: state.news,
    reload,
    all,
    more:
      cursor === null || state.status !== "ready"
        ? null
        : () => {
            setRound(({ number }) => ({ number: number + 1, cursor }));
          },
  };
}

function emptyOf(query: string): State {
  return { query, orders: [], cursor: null, status: "loading", error: null, news: 0 };
}

function pageAdded(before: State, page: readonly Order[], cursor: string | null): State {
  return { ...before, orders: joined(before.orders, page), cursor };
}

function joined(orders: readonly Order[], page: readonly Order[]): readonly Order[] {
  const known = new Set(orders.map(({ id }) => id));
  return [...orders, ...page.filter(({ id }) => !known.has(id))];
}

/** Rows that are shown change in their places; new orders wait. */
function changed(before: State, order: Order): State {
  if (!before.orders.some(({ id }) => id === order.id))
    return order.version === 1 ? { ...before, news: before.news + 1 } : before;
  const orders = before.orders.map((one) => (one.id === order.id && one.version <= order.version ? order : one));
  return { ...before, orders };
}
