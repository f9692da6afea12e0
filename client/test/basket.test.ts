/** The basket: what it keeps over a reload, and that nothing is ordered twice. */
import { expect, test } from "vitest";

import { EMPTY, groupOf, quantityOf, withoutRefusal, withProduct, withQuantity } from "../demo/src/basket/basket";
import { placeAll, type Place } from "../demo/src/basket/placing";
import { BASKET } from "../demo/src/basket/store";
import { Stored, type Storing } from "../demo/src/stored";
import type { Product } from "../demo/src/api";
import { ApiError, NetworkError, type Order } from "../src";

class Memory {
  readonly texts = new Map<string, string>();
  getItem = (key: string) => this.texts.get(key) ?? null;
  setItem = (key: string, text: string) => {
    this.texts.set(key, text);
  };
  removeItem = (key: string) => {
    this.texts.delete(key);
  };
}

type BasketStore = ReturnType<typeof basketIn>;
const basketIn = (storage: Storing) => new Stored("ordercast.basket.7", BASKET, storage);

const product = (id: string, sellerId = "2"): Product => ({
  id,
  name: `Tea ${id}`,
  priceCents: 250,
  currency: "EUR",
  stock: 5,
  lowStockThreshold: 2,
  hidden: false,
  pictureUrl: null,
  seller: { id: sellerId, name: `Seller ${sellerId}` },
  createdAt: "",
  updatedAt: "",
});

let keys = 0;
const how = { newKey: () => `key-${(keys += 1)}`, reason: (error: unknown) => (error as Error).message };
const ordered = (sellerId: string) => ({ id: "1", seller: { id: sellerId, name: "" } }) as Order;
const shown = (store: BasketStore) =>
  store.state().groups.map(({ seller, lines }) => `${seller.id}: ${lines.map((one) => `${one.quantity} × ${one.productId}`).join(", ")}`);

test("it outlives the page, is one for all tabs, and is its user's alone", () => {
  const stored = new Memory();
  const [one, other] = [basketIn(stored), basketIn(stored)];
  one.change((basket) => withProduct(basket, product("1"), 2));
  other.change((basket) => withProduct(basket, product("9", "3"), 1));
  one.refresh("ordercast.basket.7");
  for (const store of [one, other, basketIn(stored)]) expect(shown(store)).toEqual(["2: 2 × 1", "3: 1 × 9"]);
  expect(shown(new Stored("ordercast.basket.8", BASKET, stored))).toEqual([]);
  one.change((basket) => withProduct(withProduct(basket, product("1"), 0), product("9", "3"), 0));
  expect(stored.texts.size).toBe(0);
});

test("what is stored in another shape is an empty basket", () => {
  const stored = new Memory();
  for (const text of ["", "{", "[]", '"a"', '{"groups": 1}', '{"groups": [{}]}', '{"groups": [null]}']) {
    stored.setItem("ordercast.basket.7", text);
    expect(basketIn(stored).state()).toEqual(EMPTY);
  }
  const forbidden = { removeItem: () => undefined, getItem: () => expect.fail(), setItem: () => expect.fail() };
  const store = basketIn(forbidden);
  store.change((basket) => withProduct(basket, product("1"), 2));
  expect(shown(store)).toEqual(["2: 2 × 1"]);
});

test("each seller gets an order of its own, and each result is told", async () => {
  const store = basketIn(new Memory());
  store.change((basket) => withProduct(withProduct(withProduct(basket, product("1"), 2), product("9", "3"), 4), product("2"), 1));
  const sent: unknown[] = [];
  const place: Place = (items, key) => {
    sent.push([items, key]);
    if (items[0]?.productId === "1") return Promise.resolve(ordered("2"));
    const details = { items: [{ productId: "9", name: "Tea 9", requested: 4, available: 1 }] };
    return Promise.reject(new ApiError(409, "out_of_stock", "Not enough", details));
  };

  const orders = await placeAll(store, place, how);

  expect(orders).toEqual([ordered("2")]);
  expect(sent).toEqual([
    [[{ productId: "1", quantity: 2 }, { productId: "2", quantity: 1 }], "key-1"],
    [[{ productId: "9", quantity: 4 }], "key-2"],
  ]);
  const refusal = { message: "Not enough", short: [{ productId: "9", available: 1 }], gone: [] };
  expect(store.state().groups).toMatchObject([{ seller: { id: "3" }, attempt: null, refusal }]);
  store.change((basket) => withProduct(basket, product("1"), 1)); // of another seller
  expect(groupOf(store.state(), "3")?.refusal).toEqual(refusal);
  const later = store.change((basket) => withQuantity(basket, "3", "9", 1)); // now it was seen
  expect(groupOf(later, "3")?.refusal).toBeNull();
});

test("an order without an answer is sent again as it was, also after a reload and from another tab", async () => {
  const stored = new Memory();
  const store = basketIn(stored);
  store.change((basket) => withProduct(basket, product("1"), 2));
  const sent: unknown[] = [];
  const answers = [new NetworkError("cut"), new ApiError(503, "busy", "Busy")];
  const place: Place = (items, key) => {
    sent.push({ items, key });
    const error = answers.shift();
    return error === undefined ? Promise.resolve(ordered("2")) : Promise.reject(error);
  };
  expect(await placeAll(store, place, how)).toEqual([]);
  store.change((basket) => withProduct(basket, product("1"), 5)); // it is on its way as it was
  expect(quantityOf(store.state(), product("1"))).toBe(2);
  expect(await placeAll(basketIn(stored), place, how)).toEqual([]);
  const again = basketIn(stored);
  expect(await placeAll(again, place, how)).toEqual([ordered("2")]);
  expect(new Set(sent.map((one) => JSON.stringify(one))).size).toBe(1);
  expect(shown(again)).toEqual([]);
  expect(await placeAll(store, place, how)).toEqual([]); // another tab has placed it
  expect(sent).toHaveLength(3);
});

test("an order without an answer for days is not sent again unasked: its key may be forgotten", async () => {
  const store = basketIn(new Memory());
  store.change((basket) => withProduct(basket, product("1"), 2));
  const keysSent: string[] = [];
  const place: Place = (_, key) => {
    keysSent.push(key);
    return keysSent.length === 1 ? Promise.reject(new NetworkError("cut")) : Promise.resolve(ordered("2"));
  };
  await placeAll(store, place, { ...how, now: 0 });
  const later = 6.5 * 24 * 3_600_000;
  expect(await placeAll(store, place, { ...how, now: later })).toEqual([]);
  expect(keysSent).toHaveLength(1);
  expect(groupOf(store.state(), "2")?.refusal?.message).toContain("look among your orders");
  expect(await placeAll(store, place, { ...how, now: later })).toEqual([ordered("2")]);
  expect(new Set(keysSent).size).toBe(2);
});

test("a product that is not for sale any more is told, and a refusal can be put aside", async () => {
  const store = basketIn(new Memory());
  store.change((basket) => withProduct(withProduct(basket, product("1"), 2), product("2"), 1));
  await placeAll(store, () => Promise.reject(new ApiError(422, "unknown_product", "Gone", { productIds: ["2"] })), how);
  expect(groupOf(store.state(), "2")?.refusal).toEqual({ message: "Gone", short: [], gone: ["2"] });
  expect(groupOf(withProduct(store.state(), product("1"), 3), "2")?.refusal?.gone).toEqual(["2"]);
  expect(groupOf(withoutRefusal(store.state(), "2"), "2")?.refusal).toBeNull();
});
