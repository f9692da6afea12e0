/** How scarce a product is. */

import type { Product } from "../api";

export function isLow(product: Product): boolean {
  return product.stock <= product.lowStockThreshold;
}

/** The scarcest first: by what is left above the threshold, in thresholds. */
export function byNeed(products: readonly Product[]): readonly Product[] {
  return [...products].sort(
    (one, other) => spare(one) - spare(other) || one.stock - other.stock || one.name.localeCompare(other.name),
  );
}

function spare({ stock, lowStockThreshold }: Product): number {
  return (stock - lowStockThreshold) / Math.max(1, lowStockThreshold);
}
