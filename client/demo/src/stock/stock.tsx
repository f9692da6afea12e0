/** The seller's stock: what is left, the scarcest first. */

import { useState, type JSX } from "react";
import { products, reason, type Product } from "../api";
import { arrange, NOTHING, type Arrangement } from "../board/arrange";
import { usePointed } from "../board/held";
import { ignoreRepeats } from "../board/press";
import { useEvent, useLive } from "../live";
import { number } from "../format";
import { Names } from "../names";
import { Empty, Failed, Head, Loading } from "../parts";
import { Editor } from "./editor";
import { byNeed, isLow } from "./need";
import { Row } from "./row";

export function Stock({ sellerId }: { sellerId: string }): JSX.Element {
  const { value, error, reload, reloadSoon, change } = useLive(products(sellerId), {}, [sellerId]);
  useEvent("order:new", reloadSoon); // each order and each move may change what is left
  useEvent("inventory:low-stock", reloadSoon);

  const low = (value ?? []).filter((product) => isLow(product) && !product.hidden);
  const [edited, edit] = useState<Product | "new" | null>(null);
  const put = (product: Product) => {
    change((all) =>
      all.some(({ id }) => id === product.id)
        ? all.map((one) => (one.id === product.id ? product : one))
        : [product, ...all],
    );
  };
  const close = () => {
    edit(null);
  };
  return (
    <div className="narrow">
      <Head
        title="Stock"
        tools={
          <button
            type="button"
            className="button primary"
            onClick={() => {
              edit("new");
            }}
          >
            Add a product
          </button>
        }
      >
        <p>It goes down with each order, by itself.</p>
      </Head>
      {value === undefined && error !== null && <Failed message={reason(error)} retry={reload} />}
      {value === undefined && error === null && <Loading className="orders" count={2} />}
      <div role="status">
        {low.length > 0 && (
          <p className="alert">
            {low.length === 1 ? "One product is" : `${number(low.length)} products are`} running low:{" "}
            <Names of={low} />
          </p>
        )}
      </div>
      {value?.length === 0 && (
        <Empty title="You offer nothing yet">
          <p>What you add is in the shop at once.</p>
        </Empty>
      )}
      {value !== undefined && value.length > 0 && <Rows products={value} put={put} edit={edit} reload={reload} />}
      {edited !== null && (
        <Editor
          product={edited === "new" ? null : edited}
          saved={put}
          close={close}
        />
      )}
    </div>
  );
}

interface Props {
  products: readonly Product[];
  put: (product: Product) => void;
  edit: (product: Product) => void;
  reload: () => void;
}

/** The rows keep their places while a pointer or the focus is in them. */
function Rows({ products, ...then }: Props): JSX.Element {
  const { pointed, pointing } = usePointed();
  const [focused, setFocused] = useState(false);
  const [arrangement, setArrangement] = useState<Arrangement<Product>>(NOTHING);
  const held = pointed || focused;
  const next = arrange(arrangement, byNeed(products), { held, latestFirst: false, own: null });
  if (next !== arrangement) setArrangement(next);
  return (
    <ul
      className="card rows stock"
      onFocus={() => {
        setFocused(true);
      }}
      onBlur={(event) => {
        setFocused(event.currentTarget.contains(event.relatedTarget));
      }}
      onKeyDown={ignoreRepeats}
      {...pointing}
    >
      {next.slots.map(({ item }) => (
        <Row key={item.id} product={item} {...then} />
      ))}
    </ul>
  );
}
