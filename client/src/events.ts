// Made by `make types` from app/events.py: change that.

export type Status = "pending" | "confirmed" | "processing" | "shipped" | "delivered" | "cancelled" | "refunded";

export type Person = {
  readonly id: string;
  readonly name: string;
};

export type OrderItem = {
  readonly productId: string;
  readonly name: string;
  readonly quantity: number;
  readonly unitPriceCents: number;
};

export type Order = {
  readonly id: string;
  readonly orderNumber: string;
  readonly status: Status;
  readonly user: Person;
  readonly seller: Person;
  readonly items: readonly OrderItem[];
  readonly totalCents: number;
  readonly currency: string;
  readonly version: number;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly expiresAt: string | null;
};

/** The customer's order moved to another status. */
export type OrderStatus = {
  readonly id: string;
  readonly orderNumber: string;
  readonly status: Status;
};

/** The customer placed an order, perhaps in another tab or on another device. */
export type OrderPlaced = Order;

/** The seller has a new order, or one of the seller's orders changed: an upsert by id. */
export type OrderNew = Order;

/** A product's stock fell from above its threshold to it or below. */
export type LowStock = {
  readonly id: string;
  readonly name: string;
  readonly stock: number;
};

/** A message for one user. */
export type Notification = {
  readonly title: string;
  readonly message: string;
  readonly type: string;
};

export type ProductView = {
  readonly id: string;
  readonly name: string;
  readonly priceCents: number;
  readonly currency: string;
  readonly stock: number;
  readonly lowStockThreshold: number;
  readonly hidden: boolean;
  readonly pictureUrl: string | null;
  readonly seller: Person;
  readonly createdAt: string;
  readonly updatedAt: string;
};

export type NotificationView = {
  readonly id: string;
  readonly userId: string;
  readonly title: string;
  readonly message: string;
  readonly type: string;
  readonly readAt: string | null;
  readonly createdAt: string;
};

export interface MarketPayloads {
  "order:status": OrderStatus;
  "order:placed": OrderPlaced;
  "order:new": OrderNew;
  "inventory:low-stock": LowStock;
  "notification": Notification;
}
