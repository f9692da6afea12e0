/** A product in the shop. */

import { useState, type JSX } from "react";
import type { Product } from "../api";
import { money, number } from "../format";
import { Icon } from "../icons";

export interface OfferProps {
  product: Product;
  quantity: number; // in the basket
  locked: boolean; // its order was sent and has no answer
  put: (product: Product, quantity: number) => void;
}

const LOCKED = "The order that was sent to this seller has no answer yet";

export function Offer({ product, quantity, locked, put }: OfferProps): JSX.Element {
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
            <Stepper product={product} quantity={quantity} locked={locked} put={put} focused={touched} />
          ) : (
            <button
              type="button"
              className="button compact"
              disabled={product.stock === 0 || locked}
              title={locked ? LOCKED : undefined}
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

interface StepperProps extends OfferProps {
  focused: boolean;
}

function Stepper({ product, quantity, locked, put, focused }: StepperProps): JSX.Element {
  return (
    <span className="stepper" role="group" aria-label={`Quantity of ${product.name}`}>
      <button
        type="button"
        className="button plain compact square"
        aria-label="One less"
        disabled={locked}
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
        disabled={locked || quantity >= product.stock}
        onClick={() => {
          put(product, quantity + 1);
        }}
      >
        <Icon name="plus" />
      </button>
    </span>
  );
}
