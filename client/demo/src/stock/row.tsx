/** A product in the stock, with what changes it. */

import { useRef, type JSX, type SubmitEvent } from "react";
import { changeStock, reason, updateProduct, type Product } from "../api";
import { Menu } from "../board/menu";
import { money, number } from "../format";
import { say } from "../say";
import { show } from "../toasts";
import { isLow } from "./need";

const MAX_CHANGE = 1_000_000;

interface Props {
  product: Product;
  put: (product: Product) => void;
  edit: (product: Product) => void;
  reload: () => void;
}

export function Row({ product, put, edit, reload }: Props): JSX.Element {
  const busy = useRef(false);
  const full = Math.max(4 * product.lowStockThreshold, product.stock, 1);

  /** By a difference: a sale that the page has not seen yet is not undone. */
  const save = async (form: HTMLFormElement, sign: number) => {
    const input = form.elements.namedItem("change") as HTMLInputElement;
    const change = sign * input.valueAsNumber;
    if (busy.current) return;
    busy.current = true;
    try {
      const changed = await changeStock(product.id, change);
      put(changed);
      say(product.id, `${product.name}: ${number(changed.stock)} left`);
      form.reset();
    } catch (error) {
      reload();
      show({ kind: "error", title: <><bdi>{product.name}</bdi> is as it was</>, message: reason(error) });
    }
    busy.current = false;
  };
  const hide = async (hidden: boolean) => {
    try {
      put(await updateProduct(product.id, { hidden }));
      say(product.id, `${product.name} is ${hidden ? "hidden" : "in the shop"}`);
    } catch (error) {
      show({ kind: "error", title: <><bdi>{product.name}</bdi> is as it was</>, message: reason(error) });
    }
  };
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const sign = event.nativeEvent.submitter?.getAttribute("value") === "remove" ? -1 : 1;
    void save(event.currentTarget, sign);
  };
  return (
    <li data-product={product.id} data-hidden={product.hidden || undefined}>
      <div>
        <h2>
          {product.pictureUrl !== null && <img src={product.pictureUrl} alt="" width={32} height={32} />}
          <bdi>{product.name}</bdi>
          {product.hidden && <span className="status">Hidden</span>}
        </h2>
        <p className="quiet small number">
          {money(product.priceCents, product.currency)} · low at {number(product.lowStockThreshold)}
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
      <p className={isLow(product) ? "few number" : "number"}>{number(product.stock)} left</p>
      <form onSubmit={submit}>
        <input
          className="input number"
          name="change"
          type="number"
          min={1}
          max={MAX_CHANGE}
          required
          placeholder="How many"
          aria-label={`How many of ${product.name}`}
        />
        <button className="button compact" value="add" aria-label={`Add to ${product.name}`}>
          Add
        </button>
        <button className="button compact plain" value="remove" aria-label={`Remove from ${product.name}`}>
          Remove
        </button>
        <Menu
          label={`More for ${product.name}`}
          actions={[
            {
              name: "Change",
              of: product.name,
              act: () => {
                edit(product);
              },
            },
            {
              name: product.hidden ? "Show in the shop" : "Hide from the shop",
              act: () => void hide(!product.hidden),
            },
          ]}
        />
      </form>
    </li>
  );
}
