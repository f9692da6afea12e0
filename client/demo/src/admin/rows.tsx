/** A list with a search above it, and buttons that act on its rows. */

import { useState, type JSX, type ReactNode } from "react";
import { call, reason } from "../api";
import { number } from "../format";
import { Empty, Failed, Loading } from "../parts";
import { show } from "../toasts";
import type { List } from "./load";

interface RowsProps<Item> {
  list: List<Item>;
  name: string;
  row: (item: Item) => ReactNode;
  keyOf: (item: Item) => string;
}

export function Rows<Item>({ list, name, row, keyOf }: RowsProps<Item>): JSX.Element {
  return (
    <>
      {list.total !== null && (
        <p role="status" className="quiet number">
          {number(list.total)} {name}
        </p>
      )}
      {list.status === "failed" && <Failed message={reason(list.error)} retry={list.reload} />}
      {list.status === "loading" && list.items.length === 0 && <Loading className="orders" count={2} />}
      {list.status === "ready" && list.items.length === 0 && (
        <Empty title={`No ${name}`}>
          <p>{list.more === null ? "There is nothing to show." : "None among these. Older ones follow."}</p>
        </Empty>
      )}
      {list.items.length > 0 && (
        <ul className="card rows admin-rows">
          {list.items.map((item) => (
            <li key={keyOf(item)}>{row(item)}</li>
          ))}
        </ul>
      )}
      {list.more !== null && (
        <button type="button" className="button" onClick={list.more}>
          Read more
        </button>
      )}
    </>
  );
}

interface SearchProps {
  label: string;
  value: string;
  change: (value: string) => void;
}

export function Search({ label, value, change }: SearchProps): JSX.Element {
  return (
    <label>
      {label}
      <input
        type="search"
        className="input"
        maxLength={100}
        value={value}
        onChange={({ target }) => {
          change(target.value);
        }}
      />
    </label>
  );
}

interface ActProps {
  name: string;
  of: string; // what it acts on, for readers of the screen
  method?: string;
  path: string;
  body?: unknown;
  asks?: boolean; // a second press confirms
  done: (answer: unknown) => void;
}

export function Act({ name, of, method = "POST", path, body, asks = false, done }: ActProps): JSX.Element {
  const [isAsking, setAsking] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const act = async () => {
    setBusy(true);
    try {
      const answer = await call<unknown>(method, path, body);
      if (method !== "GET") show({ kind: "info", title: `${name}: done`, message: <bdi>{of}</bdi> });
      done(answer.body);
    } catch (error) {
      show({ kind: "info", title: `${name}: not done`, message: reason(error) });
    }
    setBusy(false);
    setAsking(false);
  };
  return (
    <button
      type="button"
      className={`button ${isAsking ? "primary" : ""}`}
      aria-disabled={isBusy}
      onBlur={() => {
        setAsking(false);
      }}
      onClick={() => {
        if (isBusy) return;
        if (asks && !isAsking) setAsking(true);
        else void act();
      }}
    >
      {isAsking ? `${name}?` : name}
      <span className="sr"> {of}</span>
    </button>
  );
}
