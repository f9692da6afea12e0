/** A column of the board: its heading stays, its tickets scroll. */

import { useEffect, useLayoutEffect, useRef, useState, type JSX } from "react";
import { LABEL, type Order, type Status } from "../orders";
import { arrange, isLatestFirst, isPrefix, NOTHING, stepOf, type Step } from "./arrange";
import { usePointed } from "./held";
import type { Moves } from "./moves";
import { Gap, Ticket } from "./ticket";

const PIECE = 30; // tickets that are drawn at first, and at each scroll to the end
const UNSEEN_MS = 400; // tickets in new places take no press sooner: they were not seen there

interface Props {
  step: Step;
  orders: readonly Order[]; // of this column, sorted
  orderOf: (id: string) => Order | undefined; // of all columns
  own: string | null; // the order with the focus, shown wherever it goes
  focused: boolean; // the keyboard's focus is in this column
  moves: Moves;
}

export function Column({ step, orders, orderOf, own, focused, moves }: Props): JSX.Element {
  const list = useRef<HTMLUListElement>(null);
  const { pointed, pointing } = usePointed();
  const [released, release] = useState(false); // "3 new" was pressed
  const [arrangement, setArrangement] = useState(NOTHING);
  const [limit, setLimit] = useState(PIECE);

  const ids = orders.map(({ id }) => id);
  const held = (pointed || focused) && !released;
  const next = arrange(arrangement, ids, { held, latestFirst: isLatestFirst(step), own });
  if (next !== arrangement) setArrangement(next);
  if (released) release(false);
  const before = useRef(next);
  useLayoutEffect(() => {
    if (!isPrefix(before.current, next)) ignorePresses(list.current);
    before.current = next;
  }, [next]);

  const shown = Math.max(limit, next.slots.findIndex(({ id }) => id === own) + 1);
  return (
    <section className="column" data-status={step} aria-labelledby={`column-${step}`} {...pointing}>
      <div className="column-head">
        <h2 id={`column-${step}`}>
          {step === "closed" ? "Closed" : LABEL[step]}
          <span className="count">
            {orders.length}
            <span className="sr"> orders</span>
          </span>
        </h2>
        {next.waiting > 0 && (
          <button
            type="button"
            className="button compact news"
            onClick={() => {
              release(true);
              list.current?.scrollTo({ top: 0 });
            }}
          >
            {next.waiting} new
          </button>
        )}
      </div>
      {next.slots.length === 0 && <p>None now.</p>}
      <ul ref={list}>
        {next.slots.slice(0, shown).map(({ id, gone }) => {
          const order = orderOf(id);
          if (order === undefined) return null;
          if (gone || stepOf(order.status) !== step) return <Gap key={id} order={order} was={wasIn(step)} />;
          return <Ticket key={id} order={order} busy={moves.busy.has(id)} stopping={moves.stops.get(id)} />;
        })}
        {shown < next.slots.length && (
          <End
            key={shown}
            reached={() => {
              setLimit(shown + PIECE);
            }}
          />
        )}
      </ul>
    </section>
  );
}

/** Take no press for a moment: its pointer was on the way to another ticket. */
function ignorePresses(list: HTMLElement | null): void {
  if (list === null) return;
  list.classList.add("unseen");
  setTimeout(() => {
    list.classList.remove("unseen");
  }, UNSEEN_MS);
}

/** The end of the drawn tickets; calls `reached` when it is near the window. */
function End({ reached }: { reached: () => void }): JSX.Element {
  const element = useRef<HTMLLIElement>(null);
  const latest = useRef(reached);
  useEffect(() => {
    latest.current = reached;
  });
  useEffect(() => {
    if (element.current === null) return undefined;
    const observer = new IntersectionObserver(
      (entries) => {
        if (entries.some(({ isIntersecting }) => isIntersecting)) latest.current();
      },
      { rootMargin: "600px" },
    );
    observer.observe(element.current);
    return () => {
      observer.disconnect();
    };
  }, []);
  return (
    <li ref={element} className="quiet small">
      More
    </li>
  );
}

function wasIn(step: Step): Status {
  return step === "closed" ? "cancelled" : step;
}
