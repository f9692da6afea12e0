/** The customer's shop: products by seller, and the basket. */

import { useEffect, useSyncExternalStore, type JSX } from "react";
import { products, reason, type Product } from "./api";
import { groupOf, quantityOf, withProduct } from "./basket/basket";
import { BasketCard, type Known } from "./basket/card";
import { basketOf } from "./basket/store";
import { useProducts } from "./basket/watch";
import { live, useLive } from "./live";
import { Empty, Failed, Head, Loading } from "./parts";
import { Offer } from "./shop/offer";

const offers = live(products(), {});

export function Shop({ userId }: { userId: string }): JSX.Element {
  const { value, error, reload } = useLive(offers);
  const store = basketOf(userId);
  const basket = useSyncExternalStore(store.subscribe, store.state);
  const chosen = basket.groups.flatMap((group) => group.lines.map((line) => line.productId));
  const found = useProducts(chosen, update);
  useSeen(reload);

  const put = (product: Product, quantity: number) => {
    store.change((before) => withProduct(before, product, quantity));
  };
  if (value === undefined && error !== null)
    return <Failed message={reason(error)} retry={reload} />;
  const known: Known = new Map([...(value ?? []).map((product) => [product.id, product] as const), ...found]);
  return (
    <>
      <Head title="Shop">
        <p>One order for each seller, placed together.</p>
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
                    quantity={quantityOf(basket, product)}
                    locked={Boolean(groupOf(basket, seller.id)?.attempt)}
                    put={put}
                  />
                ))}
              </ul>
            </section>
          ))}
        </div>
        <BasketCard store={store} products={known} reload={reload} />
      </div>
    </>
  );
}

function update(found: Known): void {
  offers.change((all) => all.map((product) => found.get(product.id) ?? product));
}

/** Calls `look` when the page is seen again. */
function useSeen(look: () => void): void {
  useEffect(() => {
    const seen = () => {
      if (!document.hidden) look();
    };
    document.addEventListener("visibilitychange", seen);
    return () => {
      document.removeEventListener("visibilitychange", seen);
    };
  }, [look]);
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
