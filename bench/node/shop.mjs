// The peer of bench/orders.py: the shop's two calls with express and pg, the events emitted after
// the commit by Socket.IO with the Redis adapter. The tables, rows, answers and events are ours.
//
//   PORT=... REDIS_URL=... DATABASE_URL=... DATABASE_POOL=... JWT_SECRET_KEY=... PING_INTERVAL=... node shop.mjs
import { createServer } from "node:http";
import express from "express";
import pg from "pg";
import { identity, sockets } from "./sockets.mjs";

const { PORT, DATABASE_URL, DATABASE_POOL } = process.env;
const NEXT = {
  pending: ["confirmed", "cancelled"],
  confirmed: ["processing", "cancelled"],
  processing: ["shipped", "cancelled"],
  shipped: ["delivered"],
  delivered: ["refunded"],
};
const PENDING_MS = 30 * 60_000;
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: Number(DATABASE_POOL) });
const app = express();
const http = createServer(app);
const io = await sockets(http);

class Refusal extends Error {
  constructor(status, code) {
    super(code);
    this.status = status;
  }
}

async function transaction(work) {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const result = await work(client);
    await client.query("COMMIT");
    return result;
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}

function orderJson(order, lines) {
  return {
    id: order.id,
    orderNumber: `OC-${order.id.padStart(8, "0")}`,
    status: order.status,
    user: { id: order.customer_id, name: order.customer_name },
    seller: { id: order.seller_id, name: order.seller_name },
    items: lines.map((line) => ({
      productId: line.product_id,
      name: line.name,
      quantity: line.quantity,
      unitPriceCents: line.unit_price_cents,
    })),
    totalCents: Number(order.total_cents),
    currency: order.currency,
    version: order.version,
    createdAt: order.created_at.toISOString(),
    updatedAt: order.updated_at.toISOString(),
    expiresAt: order.status === "pending" ? new Date(order.created_at.getTime() + PENDING_MS).toISOString() : null,
  };
}

async function placeOrder(client, customerId, { productId, quantity }) {
  const {
    rows: [product],
  } = await client.query(
    `SELECT p.*, s.name AS seller_name FROM products p JOIN users s ON s.id = p.seller_id
     WHERE p.id = $1 FOR UPDATE OF p`,
    [productId],
  );
  if (!product) throw new Refusal(422, "unknown_product");
  if (product.stock < quantity) throw new Refusal(409, "out_of_stock");
  const {
    rows: [customer],
  } = await client.query("SELECT name FROM users WHERE id = $1", [customerId]);
  if (!customer) throw new Refusal(403, "account_required");
  const now = new Date();
  const {
    rows: [order],
  } = await client.query(
    `INSERT INTO orders (status, customer_id, seller_id, total_cents, currency, version, created_at, updated_at)
     VALUES ('pending', $1, $2, $3, $4, 1, $5, $5) RETURNING *`,
    [customerId, product.seller_id, quantity * product.price_cents, product.currency, now],
  );
  const line = { product_id: product.id, name: product.name, quantity, unit_price_cents: product.price_cents };
  await client.query(
    "INSERT INTO order_items (order_id, product_id, name, quantity, unit_price_cents) VALUES ($1, $2, $3, $4, $5)",
    [order.id, line.product_id, line.name, line.quantity, line.unit_price_cents],
  );
  await client.query("UPDATE products SET stock = stock - $1, updated_at = $2 WHERE id = $3", [
    quantity,
    now,
    product.id,
  ]);
  return orderJson({ ...order, customer_name: customer.name, seller_name: product.seller_name }, [line]);
}

async function changeStatus(client, sellerId, orderId, { status, version }) {
  const {
    rows: [order],
  } = await client.query(
    `SELECT o.*, c.name AS customer_name, s.name AS seller_name FROM orders o
     JOIN users c ON c.id = o.customer_id JOIN users s ON s.id = o.seller_id
     WHERE o.id = $1 FOR UPDATE OF o`,
    [orderId],
  );
  if (!order || order.seller_id !== sellerId) throw new Refusal(404, "not_found");
  if (version !== undefined && version !== order.version) throw new Refusal(409, "version_conflict");
  if (!NEXT[order.status]?.includes(status)) throw new Refusal(409, "invalid_transition");
  const { rows: lines } = await client.query("SELECT * FROM order_items WHERE order_id = $1 ORDER BY product_id", [
    orderId,
  ]);
  const {
    rows: [moved],
  } = await client.query(
    "UPDATE orders SET status = $1, version = version + 1, updated_at = $2 WHERE id = $3 RETURNING *",
    [status, new Date(), orderId],
  );
  return orderJson({ ...order, ...moved }, lines);
}

app.disable("x-powered-by");
app.disable("etag");
app.use(express.json());
app.get("/", (_request, response) => response.send("ok"));
app.use("/api", (request, response, next) => {
  try {
    request.user = identity((request.headers.authorization ?? "").replace(/^Bearer /, ""));
    next();
  } catch {
    response.status(401).json({ error: { code: "token_invalid" } });
  }
});
app.post("/api/orders", async (request, response) => {
  const { sub, role } = request.user;
  if (role !== "customer") throw new Refusal(403, "forbidden");
  const order = await transaction((client) => placeOrder(client, sub, request.body.items[0]));
  io.to(`seller:${order.seller.id}`).emit("order:new", order);
  response.status(201).json(order);
});
app.patch("/api/orders/:id/status", async (request, response) => {
  const { sub, role } = request.user;
  if (role !== "seller") throw new Refusal(403, "forbidden");
  const order = await transaction((client) => changeStatus(client, sub, request.params.id, request.body));
  const { id, orderNumber, status } = order;
  io.to(`user:${order.user.id}`).emit("order:status", { id, orderNumber, status });
  io.to(`seller:${order.seller.id}`).emit("order:new", order);
  response.json(order);
});
app.use((error, _request, response, _next) => {
  if (!(error instanceof Refusal)) console.error(error);
  response.status(error.status ?? 500).json({ error: { code: error.message } });
});
http.listen(Number(PORT), "127.0.0.1");
