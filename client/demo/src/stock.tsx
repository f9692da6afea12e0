/** The seller's stock: what is left, and what is about to run out. */

import { useState, type JSX, type SubmitEvent } from "react";
import { products, reason, setStock, type Product } from "./api";
import { useEvent, useLive } from "./live";
import { money } from "./orders";
import { Empty, Failed, Head, Loading } from "./parts";
import { show } from "./toasts";

export function Stock({ sellerId }: { sellerId: string }): JSX.Element {
  const { value, error, reload, reloadSoon, change } = useLive(products(sellerId), {}, [sellerId]);
  useEvent("order:new", reloadSoon); // each order and each move may change what is left
  useEvent("inventory:low-stock", reloadSoon);

  const low = (value ?? []).filter(isLow);
  const replace = (product: Product) => {
    change((all) => all.map((one) => (one.id === product.id ? product : one)));
  };
  return (
    <div className="narrow">
      <Head title="Stock">
        <p>It goes down with each order, by itself.</p>
      </Head>
      {value === undefined && error !== null && <Failed message={reason(error)} retry={reload} />}
      {value === undefined && error === null && <Loading className="orders" count={2} />}
      <div role="status">
        {low.length > 0 && (
          <p className="alert">
            {low.length === 1 ? "One product is" : `${low.length} products are`} running low:{" "}
            {low.map((product) => product.name).join("; ")}
          </p>
        )}
      </div>
      {value?.length === 0 && (
        <Empty title="You offer nothing yet">
          <p>Products are added over the API: POST /api/products.</p>
        </Empty>
      )}
      {value !== undefined && value.length > 0 && (
        <ul className="card rows stock">
          {value.map((product) => (
            <Row key={product.id} product={product} replace={replace} />
          ))}
        </ul>
      )}
    </div>
  );
}

function Row({ product, replace }: { product: Product; replace: (product: Product) => void }): JSX.Element {
  const [busy, setBusy] = useState(false);
  const full = Math.max(4 * product.lowStockThreshold, product.stock, 1);

  const save = async (form: HTMLFormElement) => {
    const input = form.elements.namedItem("stock") as HTMLInputElement;
    setBusy(true);
    try {
      replace(await setStock(product.id, input.valueAsNumber));
      form.reset();
    } catch (error) {
      show({ kind: "error", title: `${product.name} is as it was`, message: reason(error) });
    }
    setBusy(false);
  };
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    void save(event.currentTarget);
  };
  return (
    <li data-product={product.id}>
      <div>
        <h2>{product.name}</h2>
        <p className="quiet small number">
          {money(product.priceCents, product.currency)} · low at {product.lowStockThreshold}
        </p>
      </div>
      <meter
        aria-label={`Stock of ${product.name}`}
        value={product.stock}
        min={0}
        max={full}
        low={product.lowStockThreshold + 0.5}
        optimum={full}
      />
      <p className={isLow(product) ? "few number" : "number"}>{product.stock} left</p>
      <form onSubmit={submit}>
        <input
          className="input number"
          name="stock"
          type="number"
          min={0}
          max={1_000_000}
          required
          placeholder="New"
          aria-label={`New stock of ${product.name}`}
        />
        <button className="button compact" disabled={busy}>
          Set
        </button>
      </form>
    </li>
  );
}

function isLow(product: Product): boolean {
  return product.stock <= product.lowStockThreshold;
}
