/** A column of the board: its heading stays, its tickets scroll. */

import { useEffect, useLayoutEffect, useRef, useState, type DragEvent, type JSX } from "react";
import { number } from "../format";
import { LABEL, type Order } from "../orders";
import { arrange, isLatestFirst, isPrefix, NOTHING, type Arrangement, type Step } from "./arrange";
import { usePointed } from "./held";
import type { Moves } from "./moves";
import { TickAll, type Selection } from "./selection";
import { canMove, Gap, Ticket } from "./ticket";

const PIECE = 30; // tickets that are drawn at first, and at each scroll to the end
const UNSEEN_MS = 400; // tickets in new places take no press sooner: they were not seen there

interface Props {
  step: Step;
  orders: readonly Order[]; // of this column, sorted
  orderOf: (id: string) => Order | undefined; // of all columns
  own: string | null; // the order with the focus, shown wherever it goes
  isStop: boolean; // Tab stops at one ticket of this column; arrows go from there
  focused: boolean; // the keyboard's focus is in this column
  moves: Moves;
  selection: Selection | null;
  drag: (order: Order | null) => void;
  drop: (() => void) | null; // moves the dragged order here; null: it cannot move here
}

export function Column(props: Props): JSX.Element {
  const { step, orders, orderOf, own, focused, isStop, moves, selection, drag, drop } = props;
  const list = useRef<HTMLUListElement>(null);
  const { pointed, pointing } = usePointed();
  const [released, release] = useState(false); // "3 new" was pressed
  const [arrangement, setArrangement] = useState<Arrangement<Order>>(NOTHING);
  const [limit, setLimit] = useState(PIECE);

  const held = (pointed || focused) && !released;
  const next = arrange(arrangement, orders, { held, latestFirst: isLatestFirst(step), own });
  if (next !== arrangement) setArrangement(next);
  if (released) release(false);
  const before = useRef(next);
  useLayoutEffect(() => {
    if (!isPrefix(before.current, next)) ignorePresses(list.current);
    before.current = next;
  }, [next]);

  const [last, setLast] = useState<string | null>(null); // the ticket that had the focus last
  if (own !== null && own !== last) setLast(own);
  const here = next.slots.filter(({ gone }) => !gone);
  const stop = (here.find(({ item }) => item.id === last) ?? here[0])?.item.id;
  const shown = Math.max(limit, next.slots.findIndex(({ item }) => item.id === own) + 1);
  return (
    <section
      className="column"
      data-status={step}
      data-drop={drop !== null || undefined}
      aria-labelledby={`column-${step}`}
      onDragOver={(event: DragEvent) => {
        if (drop !== null) event.preventDefault(); // which allows to drop here
      }}
      onDrop={(event: DragEvent) => {
        event.preventDefault();
        drop?.();
      }}
      {...pointing}
    >
      <div className="column-head">
        {selection !== null && orders.some(canMove) && <TickAll orders={orders} selection={selection} />}
        <h2 id={`column-${step}`}>
          {step === "closed" ? "Closed" : LABEL[step]}
          <span className="count">
            {number(orders.length)}
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
            {number(next.waiting)} new
          </button>
        )}
      </div>
      {next.slots.length === 0 && <p>None now.</p>}
      <ul ref={list}>
        {next.slots.slice(0, shown).map(({ item: order, gone }) =>
          gone ? (
            <Gap key={order.id} order={order} now={orderOf(order.id)?.status} />
          ) : (
            <Ticket
              key={order.id}
              order={order}
              busy={moves.busy.has(order.id)}
              stopping={moves.stops.get(order.id)}
              isStop={isStop && order.id === stop}
              selection={selection}
              drag={drag}
            />
          ),
        )}
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
export function End({ reached }: { reached: () => void }): JSX.Element {
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
