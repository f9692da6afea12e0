/** The stock of what is in the basket, asked again and again while the page is seen: customers get no
 * events of it. */

import { useEffect, useState } from "react";
import { productsOf, type Product } from "../api";

const AGAIN_MS = 5_000;

/** {id: the product, or null: it is not for sale any more}, of those that were asked for. */
export function useProducts(
  ids: readonly string[],
  tell: (found: ReadonlyMap<string, Product | null>) => void,
): ReadonlyMap<string, Product | null> {
  const [found, setFound] = useState<ReadonlyMap<string, Product | null>>(new Map());
  const asked = ids.join(",");
  useEffect(() => {
    if (asked === "") return undefined;
    let ended = false;
    let timer: ReturnType<typeof setTimeout>;
    const ask = async (): Promise<void> => {
      clearTimeout(timer);
      try {
        const products = document.hidden ? null : await productsOf(asked.split(","));
        if (ended) return;
        if (products !== null) {
          setFound(products);
          tell(products);
        }
      } catch {
        if (ended) return; // the badge tells of the connection, and what is known stays
      }
      clearTimeout(timer);
      timer = setTimeout(() => void ask(), AGAIN_MS);
    };
    const look = () => void ask();
    look();
    document.addEventListener("visibilitychange", look);
    return () => {
      ended = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, [asked, tell]);
  return found;
}
