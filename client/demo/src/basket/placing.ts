/** Placing what is in a basket: one order for each seller, all at once. */

import { ApiError } from "../../../src/index";
import type { Order } from "../orders";
import { attempted, groupOf, placed, refused, type Item, type Refusal, type Shortage } from "./basket";
import type { BasketStore } from "./store";

// The service knows a key for seven days: after that the same order would be placed again.
const KEPT_MS = 6 * 24 * 3_600_000;
const TOO_OLD = "No answer came for days: look among your orders whether it was placed, before you place it again.";

export type Place = (items: readonly Item[], key: string) => Promise<Order>;


/** The orders that were placed. What was not stays in the basket with its reason; without an answer
 * it stays as it was sent. Rejects with nothing. */
export async function placeAll(
  store: BasketStore,
  place: Place,
  { newKey, reason, now = Date.now() }: { newKey: () => string; reason: (error: unknown) => string; now?: number },
): Promise<Order[]> {
  const sellers = store.state().groups.map((group) => group.seller.id);
  const answers = await Promise.all(
    sellers.map(async (sellerId) => {
      // Stored before it is sent: a reload meanwhile, or a second tab, sends the same order.
      const sent = store.change((basket) => attempted(basket, sellerId, newKey(), now));
      const attempt = groupOf(sent, sellerId)?.attempt;
      if (!attempt) return null; // another tab has placed it
      if (now - attempt.since > KEPT_MS) {
        store.change((basket) => refused(basket, sellerId, attempt.key, { message: TOO_OLD, short: [], gone: [] }));
        return null;
      }
      try {
        const order = await place(attempt.items, attempt.key);
        store.change((basket) => placed(basket, order, attempt.key));
        return order;
      } catch (error) {
        if (isAnswer(error)) {
          const refusal = refusalOf(error, reason(error));
          store.change((basket) => refused(basket, sellerId, attempt.key, refusal));
        }
        return null;
      }
    }),
  );
  return answers.filter((order) => order !== null);
}

/** Whether the service says that the order was not placed. With a status of 500 or above it may be. */
function isAnswer(error: unknown): error is ApiError {
  return error instanceof ApiError && error.status >= 400 && error.status < 500;
}

function refusalOf({ code, details }: ApiError, message: string): Refusal {
  const { items, productIds } = (details ?? {}) as { items?: Shortage[]; productIds?: string[] };
  return {
    message,
    short: code === "out_of_stock" ? (items ?? []).map(({ productId, available }) => ({ productId, available })) : [],
    gone: code === "unknown_product" ? (productIds ?? []) : [],
  };
}
