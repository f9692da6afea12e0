/** The customer's shop: products by seller, and a basket with one of them. */

import { useEffect, useState, type JSX } from "react";
import { newKey, placeOrder, products, reason, type Product } from "./api";
import { money, number } from "./format";
import { Icon } from "./icons";
import { live, useLive } from "./live";
import { Empty, Failed, Head, Loading } from "./parts";
import { orderPath } from "./router";
import { show } from "./toasts";

interface Basket {
  key: string; // the Idempotency-Key: of this content, however often it is sent
  quantities: ReadonlyMap<string, number>;
}

const emptyBasket = (): Basket => ({ key: newKey(), quantities: new Map() });
const offers = live(products(), {});
const kept = new Map<string, Basket>(); // by user, while other pages are looked at

export function Shop({ userId }: { userId: string }): JSX.Element {
  const { value, error, reload } = useLive(offers);
  const [basket, setBasket] = useState(() => kept.get(userId) ?? emptyBasket());
  useEffect(() => {
    kept.set(userId, basket);
  }, [userId, basket]);

  const put = (product: Product, quantity: number) => {
    setBasket(({ quantities }) => {
      const next = new Map(quantities);
      if (quantity > 0) next.set(product.id, quantity);
      else next.delete(product.id);
      return { key: newKey(), quantities: next };
    });
  };
  const done = () => {
    setBasket(emptyBasket());
    reload();
  };
  if (value === undefined && error !== null)
    return <Failed message={reason(error)} retry={reload} />;
  const chosen = (value ?? []).filter((product) => basket.quantities.has(product.id));
  return (
    <>
      <Head title="Shop">
        <p>One order, one seller.</p>
      </Head>
      <div className="shop">
        <div>
          {value === undefined && <Loading className="products" count={6} />}
          {value?.length === 0 && (
            <Empty title="Nothing for sale yet">
              <p>As soon as a seller offers something, it is here.</p>
            </Empty>
          )}
          {bySeller(value ?? []).map(([seller, theirs]) => (
            <section key={seller.id} aria-labelledby={`seller-${seller.id}`}>
              <h2 id={`seller-${seller.id}`}>
                <bdi>{seller.name}</bdi>
              </h2>
              <ul className="products">
                {theirs.map((product) => (
                  <Offer
                    key={product.id}
                    product={product}
                    quantity={basket.quantities.get(product.id) ?? 0}
                    other={chosen.some((one) => one.seller.id !== seller.id)}
                    put={put}
                  />
                ))}
              </ul>
            </section>
          ))}
        </div>
        <BasketCard basket={basket} chosen={chosen} done={done} stale={reload} />
      </div>
    </>
  );
}

interface OfferProps {
  product: Product;
  quantity: number;
  other: boolean; // the basket holds something of another seller
  put: (product: Product, quantity: number) => void;
}

function Offer({ product, quantity, other, put }: OfferProps): JSX.Element {
  const [touched, setTouched] = useState(false); // then the focus goes to the control that replaces the one used
  const few = product.stock <= product.lowStockThreshold;
  return (
    <li className="card product">
      <div className="picture" data-tint={Number(product.id) % 5 || 0}>
        {product.pictureUrl === null ? (
          <Icon name={/pot|cup/i.test(product.name) ? "pot" : "leaf"} />
        ) : (
          <img src={product.pictureUrl} alt="" loading="lazy" />
        )}
      </div>
      <div>
        <div>
          <h3>
            <bdi>{product.name}</bdi>
          </h3>
          <p className={`small ${few ? "few" : "quiet"}`}>
            {product.stock === 0 ? "Sold out" : few ? `Only ${number(product.stock)} left` : "In stock"}
          </p>
        </div>
        <div className="pair">
          <span className="price number">{money(product.priceCents, product.currency)}</span>
          {quantity > 0 ? (
            <Stepper product={product} quantity={quantity} put={put} focused={touched} />
          ) : (
            <button
              type="button"
              className="button compact"
              disabled={product.stock === 0 || other}
              title={other ? "The basket holds another seller’s products" : undefined}
              aria-label={`Add ${product.name} to the basket`}
              autoFocus={touched}
              onClick={() => {
                setTouched(true);
                put(product, 1);
              }}
            >
              Add
            </button>
          )}
        </div>
      </div>
    </li>
  );
}

interface StepperProps extends Omit<OfferProps, "other"> {
  focused: boolean;
}

function Stepper({ product, quantity, put, focused }: StepperProps): JSX.Element {
  return (
    <span className="stepper" role="group" aria-label={`Quantity of ${product.name}`}>
      <button
        type="button"
        className="button plain compact square"
        aria-label="One less"
        onClick={() => {
          put(product, quantity - 1);
        }}
      >
        <Icon name="minus" />
      </button>
      <output className="number">{number(quantity)}</output>
      <button
        type="button"
        className="button plain compact square"
        aria-label="One more"
        autoFocus={focused}
        disabled={quantity >= product.stock}
        onClick={() => {
          put(product, quantity + 1);
        }}
      >
        <Icon name="plus" />
      </button>
    </span>
  );
}

interface BasketProps {
  basket: Basket;
  chosen: Product[];
  done: () => void;
  stale: () => void;
}

function BasketCard({ basket, chosen, done, stale }: BasketProps): JSX.Element {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const of = (product: Product) => basket.quantities.get(product.id) ?? 0;
  const total = chosen.reduce((sum, product) => sum + product.priceCents * of(product), 0);

  const place = async () => {
    setBusy(true);
    setProblem(null);
    try {
      const items = chosen.map((product) => ({ productId: product.id, quantity: of(product) }));
      const order = await placeOrder(items, basket.key);
      const title = <a href={orderPath(order.id)}>Order {order.orderNumber} is placed</a>;
      show({ kind: "order", title, message: <><bdi>{order.seller.name}</bdi> has it now.</> });
      done();
    } catch (error) {
      setProblem(reason(error));
      stale();
    } finally {
      setBusy(false);
    }
  };
  return (
    <aside
      className="card basket"
      data-empty={chosen.length === 0 || undefined}
      aria-labelledby="basket"
    >
      <h2 id="basket">Basket</h2>
      {chosen.length === 0 ? (
        <p className="quiet">Nothing in it yet.</p>
      ) : (
        <ul>
          {chosen.map((product) => (
            <li key={product.id} className="pair">
              <span>
                <span className="number">{number(of(product))} ×</span> <bdi>{product.name}</bdi>
              </span>
              <span className="number">{money(product.priceCents * of(product), product.currency)}</span>
            </li>
          ))}
        </ul>
      )}
      <p className="pair total">
        <span>Total</span>
        <span className="number">{money(total, chosen[0]?.currency ?? "EUR")}</span>
      </p>
      <button
        type="button"
        className="button primary"
        disabled={busy || chosen.length === 0}
        onClick={() => void place()}
      >
        {busy ? "Placing…" : "Place order"}
      </button>
      <div role="alert">{problem !== null && <p className="problem">{problem}</p>}</div>
    </aside>
  );
}

function bySeller(all: readonly Product[]): [Product["seller"], Product[]][] {
  const groups = new Map<string, [Product["seller"], Product[]]>();
  for (const product of all) {
    const group = groups.get(product.seller.id) ?? [product.seller, []];
    group[1].push(product);
    groups.set(product.seller.id, group);
  }
  return [...groups.values()];
}
