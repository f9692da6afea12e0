import type { Connection } from "./connection.js";
import type {
  LowStock,
  Notification,
  NotificationView,
  Order,
  ProductView,
  Status,
} from "./events.js";
import type { Answer } from "./http.js";
import { type Change, Live } from "./live.js";
import { isAfter } from "./offset.js";
import { claimsOf } from "./token.js";

const PAGE = 100; // the most that the service gives
const MAX_PAGES = 10; // of a list that is shown whole
const OPEN: readonly Status[] = ["pending", "confirmed", "processing", "shipped"];
const ENDED: readonly Status[] = ["delivered", "cancelled", "refunded"];
const MAX_OPEN_PAGES = 50;
const MAX_ENDED_PAGES = 2;

export type Orders = readonly Order[];
export type LowStocks = readonly LowStock[];
export type Notifications = {
  readonly stored: readonly NotificationView[]; // the newest first, as they are on the server
  readonly received: readonly Received[]; // while this page is open, the newest first
};
/** A notification as it arrived, without the id of a stored one: a script's are not stored. */
export type Received = Notification & { readonly key: string };

/** The list with this order in it, by id, the newest first; an older version is left out. */
export function withOrder(order: Order): Change<Orders> {
  return (orders) => {
    const index = orders.findIndex((one) => one.id === order.id);
    const there = orders[index];
    if (there !== undefined) {
      return order.version < there.version
        ? orders
        : orders.map((one) => (one === there ? order : one));
    }
    const older = orders.findIndex((one) => isAfter(order.id, one.id));
    const before = older === -1 ? orders.length : older;
    return [...orders.slice(0, before), order, ...orders.slice(before)];
  };
}

function withLowStock(product: LowStock): Change<LowStocks> {
  return (products) => [product, ...products.filter((one) => one.id !== product.id)];
}

function perConnection<Value>(make: (connection: Connection) => Live<Value>) {
  const made = new WeakMap<Connection, Live<Value>>();
  return (connection: Connection): Live<Value> => {
    let live = made.get(connection);
    if (live === undefined) made.set(connection, (live = make(connection)));
    return live;
  };
}

/** The seller's orders, exactly as they are now: all that are open, up to five thousand, and the
 * newest of those that have ended, two hundred when they are read. */
export const sellerOrders = perConnection<Orders>(
  (connection) =>
    new Live<Orders>(
      connection,
      [],
      () => openAndEnded(connection),
      (push) =>
        connection.on("order:new", (order, offset) => {
          push(withOrder(order), offset);
        }),
    ),
);

/** The seller's products at or below their threshold. A sale or a cancelled order changes the stock
 * of what is here already without an event of its own: after each the list is read again. */
export const lowStock = perConnection<LowStocks>((connection) => {
  const live: Live<LowStocks> = new Live<LowStocks>(
    connection,
    [],
    async () => {
      const seller = encodeURIComponent(claimsOf(connection.token ?? "").sub ?? "");
      const { body, offset } = await pages<ProductView>(
        connection,
        "products",
        `&sellerId=${seller}`,
      );
      return {
        body: body.filter((one) => one.stock <= one.lowStockThreshold).map(lowStockOf),
        offset,
      };
    },
    (push) => {
      const undo = [
        connection.on("inventory:low-stock", (product, offset) => {
          push(withLowStock(product), offset);
          live.reloadSoon();
        }),
        connection.on("order:new", () => {
          live.reloadSoon();
        }),
      ];
      return () => {
        for (const one of undo) one();
      };
    },
  );
  return live;
});

/** The user's notifications: what is stored (the newest hundred), and what has arrived. */
export const notifications = perConnection<Notifications>((connection) => {
  let arrived: readonly Received[] = [];
  let count = 0;
  const live: Live<Notifications> = new Live<Notifications>(
    connection,
    { stored: [], received: [] },
    async () => {
      const { body, offset } = await pages<NotificationView>(connection, "notifications", "", 1);
      return { body: { stored: body, received: arrived }, offset };
    },
    (push) =>
      connection.on("notification", (notification, offset) => {
        const received = [{ ...notification, key: String((count += 1)) }, ...arrived].slice(
          0,
          PAGE,
        );
        arrived = received;
        push((value) => ({ ...value, received }), offset);
        live.reloadSoon();
      }),
  );
  return live;
});

function lowStockOf({ id, name, stock }: ProductView): LowStock {
  return { id, name, stock };
}

/** Two lists at once. The offset is the lower one: an order that moves from one list to the other
 * between the reads, and is in neither, comes as an event. */
async function openAndEnded(connection: Connection): Promise<Answer<Orders>> {
  const [open, ended] = await Promise.all([
    pages<Order>(connection, "orders", `&status=${OPEN.join(",")}`, MAX_OPEN_PAGES),
    pages<Order>(connection, "orders", `&status=${ENDED.join(",")}`, MAX_ENDED_PAGES),
  ]);
  const byId = new Map<string, Order>();
  for (const order of [...open.body, ...ended.body]) {
    if ((byId.get(order.id)?.version ?? 0) < order.version) byId.set(order.id, order);
  }
  const body = [...byId.values()].sort((one, other) => (isAfter(one.id, other.id) ? -1 : 1));
  const isLower = open.offset === undefined || isAfter(ended.offset ?? "0", open.offset);
  return { body, offset: isLower ? open.offset : ended.offset };
}

type ListName = "orders" | "products" | "notifications";
type Page<Item> = Readonly<Record<ListName, readonly Item[]>> & {
  readonly nextCursor: string | null;
};

/** A list from its first page on. The offset is the first page's: changes while the others are read
 * come as events. */
async function pages<Item>(
  connection: Connection,
  name: ListName,
  query = "",
  most = MAX_PAGES,
): Promise<Answer<readonly Item[]>> {
  const items: Item[] = [];
  let offset: string | undefined;
  let cursor: string | null = null;
  for (let page = 0; page < most; page += 1) {
    const from: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const answer: Answer<Page<Item>> = await connection.request(
      "GET",
      `/api/${name}?limit=${PAGE}${query}${from}`,
    );
    offset ??= answer.offset;
    items.push(...answer.body[name]);
    cursor = answer.body.nextCursor;
    if (cursor === null) break;
  }
  return { body: items, offset };
}
