/** All orders of the seller: of a day or any other time, found, summed up and taken along. */

import { useState, type JSX } from "react";
import { reason } from "../api";
import { End } from "../board/column";
import { useMoves, type Moves } from "../board/moves";
import { ignoreRepeats } from "../board/press";
import { Foot } from "../board/ticket";
import { full, money, number } from "../format";
import { Items } from "../names";
import { LABEL, type Order, type Status } from "../orders";
import { Empty, Failed, Head, Loading } from "../parts";
import { show } from "../toasts";
import { Chart } from "./chart";
import { csvOf, download } from "./csv";
import { dayOf, today, type Filter } from "./filter";
import { useOrdersOf } from "./load";
import { revenue } from "./sums";

const PIECE = 50; // rows that are drawn at first, and at each scroll to the end
const STATUSES = Object.entries(LABEL) as [Status, string][];

export function Sales(): JSX.Element {
  const [filter, setFilter] = useState(today);
  const { orders, status, error, more, news, reload, all } = useOrdersOf(filter);
  const moves = useMoves();
  const [saving, setSaving] = useState(false);
  const save = async () => {
    setSaving(true);
    try {
      const every = await all();
      download(`orders-${filter.from || "all"}-${filter.until || dayOf(new Date())}.csv`, csvOf(every));
    } catch (problem) {
      show({ kind: "error", title: "The file was not saved", message: reason(problem) });
    } finally {
      setSaving(false);
    }
  };
  return (
    <>
      <Head
        title="Sales"
        tools={
          <button
            type="button"
            className="button"
            disabled={orders.length === 0}
            aria-disabled={saving}
            onClick={() => void (saving || save())}
          >
            {saving ? "Reading…" : "Save as CSV"}
          </button>
        }
      >
        <p role="status" className="number">
          {status === "loading"
            ? "Reading"
            : `${number(orders.length)}${more === null ? "" : "+"} orders, ${revenue(orders)} without cancelled and refunded ones`}
        </p>
      </Head>
      <FilterBar filter={filter} change={setFilter} />
      {status === "failed" && <Failed message={reason(error)} retry={reload} />}
      {status === "loading" && orders.length === 0 && <Loading className="orders" count={2} />}
      {status === "ready" && orders.length === 0 && (
        <Empty title="No orders">
          <p>Choose another time, status or words.</p>
        </Empty>
      )}
      <Chart orders={orders} filter={filter} />
      {news > 0 && (
        <button type="button" className="button news" onClick={reload}>
          {number(news)} new
        </button>
      )}
      {orders.length > 0 && <Rows key={JSON.stringify(filter)} orders={orders} moves={moves} />}
      {more !== null && (
        <button type="button" className="button" onClick={more}>
          Read older ones
        </button>
      )}
    </>
  );
}

function FilterBar({ filter, change }: { filter: Filter; change: (filter: Filter) => void }): JSX.Element {
  return (
    <form
      className="toolbar filter"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
      }}
    >
      <label>
        From
        <input
          type="date"
          className="input"
          value={filter.from}
          max={filter.until || undefined}
          onChange={({ target }) => {
            change({ ...filter, from: target.value });
          }}
        />
      </label>
      <label>
        Until
        <input
          type="date"
          className="input"
          value={filter.until}
          min={filter.from || undefined}
          onChange={({ target }) => {
            change({ ...filter, until: target.value });
          }}
        />
      </label>
      <label>
        Status
        <select
          className="input"
          value={filter.status}
          onChange={({ target }) => {
            change({ ...filter, status: target.value as Status | "" });
          }}
        >
          <option value="">All</option>
          {STATUSES.map(([value, name]) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label>
        Search
        <input
          type="search"
          className="input"
          placeholder="Number, customer or product"
          maxLength={100}
          value={filter.words}
          onChange={({ target }) => {
            change({ ...filter, words: target.value });
          }}
        />
      </label>
      <button
        type="button"
        className="button"
        onClick={() => {
          change({ from: "", until: "", status: "", words: "" });
        }}
      >
        All orders
      </button>
    </form>
  );
}

function Rows({ orders, moves }: { orders: readonly Order[]; moves: Moves }): JSX.Element {
  const [limit, setLimit] = useState(PIECE);
  return (
    <ul className="card rows sales" onKeyDownCapture={ignoreRepeats}>
      {orders.slice(0, limit).map((order) => (
        <li key={order.id} data-order={order.id} data-status={order.status}>
          <div>
            <b className="number">{order.orderNumber}</b>
            <time className="quiet small number" dateTime={order.createdAt}>
              {full(order.createdAt)}
            </time>
          </div>
          <p className="small">
            <bdi>{order.user.name}</bdi>
            <span className="quiet">
              <Items order={order} />
            </span>
          </p>
          <b className="number">{money(order.totalCents, order.currency)}</b>
          <span className="status" data-status={order.status}>
            {LABEL[order.status]}
          </span>
          <Foot order={order} busy={moves.busy.has(order.id)} stopping={moves.stops.get(order.id)} selection={null} />
        </li>
      ))}
      {limit < orders.length && (
        <End
          key={limit}
          reached={() => {
            setLimit(limit + PIECE);
          }}
        />
      )}
    </ul>
  );
}
