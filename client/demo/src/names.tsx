/** Names of people and products, of any script, beside the words of a page.
 *
 * A name that is written from the right turns the order of the digits and signs after it, unless it
 * is isolated: `<bdi>` in elements, the isolating characters where a text can hold no elements. */

import { Fragment, type JSX } from "react";
import { number } from "./format";
import type { Order } from "./orders";

const [ISOLATE, POP] = ["\u2068", "\u2069"]; // first strong isolate, pop directional isolate

/** "3 × Sencha; 2 × Assam" */
export function Items({ order }: { order: Order }): JSX.Element {
  return (
    <>
      {order.items.map((item, index) => (
        <Fragment key={item.productId}>
          {index > 0 && "; "}
          <span className="item">
            {number(item.quantity)} × <bdi>{item.name}</bdi>
          </span>
        </Fragment>
      ))}
    </>
  );
}

/** Names between semicolons. */
export function Names({ of }: { of: readonly { id: string; name: string }[] }): JSX.Element {
  return (
    <>
      {of.map(({ id, name }, index) => (
        <Fragment key={id}>
          {index > 0 && "; "}
          <bdi>{name}</bdi>
        </Fragment>
      ))}
    </>
  );
}

/** A name within a text that holds no elements, as of a desktop notification. */
export function isolated(name: string): string {
  return `${ISOLATE}${name}${POP}`;
}
