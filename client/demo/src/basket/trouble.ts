/** Why a line of the basket cannot be ordered as it is. */

import type { Product } from "../api";
import { number } from "../format";
import type { Group, Line } from "./basket";

export interface Trouble {
  readonly text: string;
  readonly most: number; // that can be had; 0: none
}

/** null: nothing is known against it. What a refused order said stays until the line is changed. */
export function troubleOf(
  { productId, quantity }: Line,
  { refusal }: Group,
  products: ReadonlyMap<string, Product | null>,
): Trouble | null {
  const product = products.get(productId);
  const said = refusal?.short.find((one) => one.productId === productId)?.available;
  if (product === null || (product === undefined && refusal?.gone.includes(productId) === true))
    return { text: "Not for sale any more", most: 0 };
  const left = product?.stock ?? said;
  if (left !== undefined && left < quantity)
    return { text: left === 0 ? "Sold out" : `Only ${number(left)} left`, most: left };
  if (said !== undefined && said < quantity) return { text: `Only ${number(said)} were left; there are enough again`, most: quantity };
  return null;
}
