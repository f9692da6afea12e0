/** The dialog in which a product is added or changed. */

import { useEffect, useRef, useState, type JSX, type SubmitEvent } from "react";
import { createProduct, newKey, reason, updateProduct, type Product, type ProductChanges } from "../api";
import { smallPicture } from "./picture";

const MAX_PRICE = 10_000_000;
const MAX_NUMBER = 1_000_000_000;

interface Props {
  product: Product | null; // null: a new one
  saved: (product: Product) => void;
  close: () => void;
}

export function Editor({ product, saved, close }: Props): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const [key] = useState(newKey); // pressing twice adds one product
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    dialog.current?.showModal();
  }, []);

  const save = async (form: HTMLFormElement) => {
    setBusy(true);
    setProblem("");
    try {
      const { stock, picture, ...rest } = await changesIn(form);
      const changes = picture === undefined ? rest : { ...rest, picture };
      if (product !== null) saved(await updateProduct(product.id, changes));
      else {
        const added = await createProduct({ ...rest, stock }, key);
        saved(picture === undefined ? added : await updateProduct(added.id, { picture }));
      }
      dialog.current?.close(); // which gives the focus back
    } catch (error) {
      setProblem(reason(error));
      setBusy(false);
    }
  };
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (!busy) void save(event.currentTarget);
  };
  return (
    <dialog ref={dialog} className="card editor" aria-labelledby="editor-title" onClose={close}>
      <form onSubmit={submit}>
        <h2 id="editor-title">{product === null ? (
            "Add a product"
          ) : (
            <>
              Change <bdi>{product.name}</bdi>
            </>
          )}</h2>
        <label className="field">
          Name
          <input className="input" name="name" dir="auto" required maxLength={200} defaultValue={product?.name} />
        </label>
        <div className="pair">
          <label className="field">
            Price in {product?.currency ?? "EUR"}
            <input
              className="input number"
              name="price"
              type="number"
              required
              min={0}
              max={MAX_PRICE}
              step={0.01}
              defaultValue={product === null ? "" : (product.priceCents / 100).toFixed(2)}
            />
          </label>
          <label className="field">
            Low at
            <input
              className="input number"
              name="threshold"
              type="number"
              required
              min={0}
              max={MAX_NUMBER}
              defaultValue={product?.lowStockThreshold ?? 5}
            />
          </label>
          {product === null && (
            <label className="field">
              In stock
              <input className="input number" name="stock" type="number" required min={0} max={MAX_NUMBER} defaultValue={0} />
            </label>
          )}
        </div>
        <label className="field">
          Picture
          <input className="input" name="picture" type="file" accept="image/png,image/jpeg,image/webp" />
        </label>
        {typeof product?.pictureUrl === "string" && (
          <label className="check">
            <input type="checkbox" name="without" /> Remove the picture
          </label>
        )}
        <label className="check">
          <input type="checkbox" name="hidden" defaultChecked={product?.hidden} /> Hidden from the shop
        </label>
        <div role="alert">{problem !== "" && <p className="problem">{problem}</p>}</div>
        <div className="moves">
          <button type="button" className="button plain" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button className="button primary" aria-disabled={busy}>
            Save
          </button>
        </div>
      </form>
    </dialog>
  );
}

async function changesIn(form: HTMLFormElement): Promise<ProductChanges & { stock: number }> {
  const data = new FormData(form);
  const text = (name: string) => {
    const value = data.get(name);
    return typeof value === "string" ? value : "";
  };
  const changes: ProductChanges & { stock: number } = {
    name: text("name"),
    priceCents: Math.round(Number(text("price")) * 100),
    lowStockThreshold: Number(text("threshold")),
    hidden: data.has("hidden"),
    stock: Number(text("stock")),
  };
  const file = data.get("picture");
  if (file instanceof File && file.size > 0) changes.picture = await smallPicture(file);
  else if (data.has("without")) changes.picture = null;
  return changes;
}
