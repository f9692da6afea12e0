/** The frame: where one can go, who is signed in, and how the connection is. */

import { useEffect, useRef, type JSX } from "react";
import { Account } from "./account";
import { ConnectionBadge, Trouble } from "./badge";
import { announce } from "./board/alerts";
import { Board } from "./board/board";
import { finishAll } from "./board/moves";
import { keepFocus } from "./focus";
import { number } from "./format";
import { Icon, type IconName } from "./icons";
import { later } from "./later";
import { useEvent, useLowStock, useSellerOrders } from "./live";
import mark from "./mark.svg";
import { Linked } from "./linked";
import { useArrivals, useNotices } from "./notices/hooks";
import { Items } from "./names";
import { LABEL } from "./orders";
import { Toasts } from "./parts";
import { orderIn, orderPath, usePath } from "./router";
import { signOut, type User } from "./session";
import { Shop } from "./shop";
import { ThemeButton } from "./signin";
import { show } from "./toasts";

const MyOrders = later(async () => (await import("./mine")).MyOrders);
const Notices = later(async () => (await import("./notices")).Notices);
const OrderPage = later(async () => (await import("./order/page")).OrderPage);
const Sales = later(async () => (await import("./sales/sales")).Sales);
const Stock = later(async () => (await import("./stock/stock")).Stock);
const Admin = later(async () => (await import("./admin/admin")).Admin);
const Letter = later(async () => (await import("./letter")).Letter);

interface Place {
  path: string;
  name: string;
  icon: IconName;
  page: (user: User) => JSX.Element;
  prepare?: () => void; // loads its script, if it has one of its own
}

const NOTICES: Place = {
  path: "notifications",
  name: "Notifications",
  icon: "bell",
  page: (user) => <Notices userId={user.id} />,
  prepare: Notices.prepare,
};
const PLACES: Record<User["role"], [Place, ...Place[]]> = {
  customer: [
    { path: "shop", name: "Shop", icon: "shop", page: (user) => <Shop userId={user.id} /> },
    {
      path: "orders",
      name: "My orders",
      icon: "orders",
      page: () => <MyOrders />,
      prepare: () => {
        MyOrders.prepare();
        OrderPage.prepare();
      },
    },
    NOTICES,
  ],
  seller: [
    { path: "board", name: "Orders", icon: "board", page: () => <Board /> },
    { path: "sales", name: "Sales", icon: "chart", page: () => <Sales />, prepare: Sales.prepare },
    {
      path: "stock",
      name: "Stock",
      icon: "stock",
      page: (user) => <Stock sellerId={user.id} />,
      prepare: Stock.prepare,
    },
    NOTICES,
  ],
  admin: [
    { path: "admin", name: "Service", icon: "chart", page: () => <Admin />, prepare: Admin.prepare },
    { path: "write", name: "Write", icon: "send", page: () => <Letter /> },
    NOTICES,
  ],
};

export function Shell({ user }: { user: User }): JSX.Element {
  const path = usePath();
  const orderId = orderIn(path);
  const places = PLACES[user.role];
  const place = places.find((one) => path.split("/")[1] === one.path) ?? places[0];
  const here = orderId === null ? place.path : path;
  const name = orderId === null ? place.name : "Order";
  const main = useRef<HTMLElement>(null);
  const shown = useRef(here);

  useEffect(() => {
    if (shown.current !== here) main.current?.focus();
    shown.current = here;
  }, [here]);

  useEffect(() => {
    for (const { prepare } of places) prepare?.();
  }, [places]);

  useEffect(keepFocus, []);

  return (
    <>
      <button type="button" className="button skip" onClick={() => main.current?.focus()}>
        Skip to the page
      </button>
      <header className="top">
        <a className="brand" href={`/${places[0].path}`} aria-label="Ordercast, start">
          <img src={mark} alt="" />
          <span className="brand-name">Ordercast</span>
        </a>
        <nav className="tabs" aria-label="Pages">
          {places.map((one) => (
            <a key={one.path} href={`/${one.path}`} aria-current={one === place ? "page" : undefined}>
              <Icon name={one.icon} />
              {one.name}
              <Count of={one.path} user={user} />
            </a>
          ))}
        </nav>
        <div className="tools">
          <ConnectionBadge />
          <ThemeButton />
          <Account user={user} />
          <button
            type="button"
            className="button plain square"
            aria-label={`Sign out ${user.name}`}
            onClick={() => void finishAll().then(signOut)}
          >
            <Icon name="leave" />
          </button>
        </div>
      </header>
      <main ref={main} tabIndex={-1}>
        <Trouble />
        {orderId === null ? place.page(user) : <OrderPage key={orderId} id={orderId} user={user} />}
      </main>
      {user.role === "seller" ? <SellerTitle name={name} /> : <Title name={name} />}
      {user.role === "seller" && <SellerNews />}
      {user.role === "customer" && <CustomerNews />}
      <Letters userId={user.id} />
      <Toasts />
    </>
  );
}

function Title({ name, count = 0 }: { name: string; count?: number }): null {
  useEffect(() => {
    document.title = `${count === 0 ? "" : `(${number(count)}) `}${name} · Ordercast`;
  }, [name, count]);
  return null;
}

/** How many orders wait, also in a tab that nobody sees. */
function SellerTitle({ name }: { name: string }): JSX.Element {
  const { orders } = useSellerOrders();
  return <Title name={name} count={orders.filter((order) => order.status === "pending").length} />;
}

/** How many wait behind a tab. */
function Count({ of, user }: { of: string; user: User }): JSX.Element | null {
  switch (of) {
    case "board":
      return <PendingCount />;
    case "stock":
      return <LowCount />;
    case "notifications":
      return <UnreadCount userId={user.id} />;
    default:
      return null;
  }
}

function PendingCount(): JSX.Element | null {
  const { orders } = useSellerOrders();
  return <Waiting value={orders.filter((order) => order.status === "pending").length} what="pending" />;
}

function LowCount(): JSX.Element | null {
  return <Waiting value={useLowStock().products.length} what="running low" />;
}

function UnreadCount({ userId }: { userId: string }): JSX.Element | null {
  return <Waiting value={useNotices(userId).unread} what="unread" />;
}

function Waiting({ value, what }: { value: number; what: string }): JSX.Element | null {
  if (value === 0) return null;
  return (
    <span className="count loud">
      {value > 99 ? `${number(99)}+` : number(value)}
      <span className="sr"> {what}</span>
    </span>
  );
}

function SellerNews(): null {
  useEvent("order:new", (order) => {
    if (order.version !== 1) return;
    announce(order);
    const message = (
      <>
        <bdi>{order.user.name}</bdi>: <Items order={order} />
      </>
    );
    show({ kind: "order", title: "New order", message, key: "new-order", counts: true });
  });
  useEvent("inventory:low-stock", ({ id, name, stock }) => {
    const message = stock === 0 ? "None are left." : `${number(stock)} left.`;
    show({ kind: "stock", title: <><bdi>{name}</bdi> is running low</>, message, key: `stock-${id}` });
  });
  return null;
}

function CustomerNews(): null {
  useEvent("order:status", ({ id, orderNumber, status }) => {
    const message = <a href={orderPath(id)}>Order {orderNumber}</a>;
    show({ kind: "order", title: LABEL[status], message, key: `order-${id}` });
  });
  return null;
}

function Letters({ userId }: { userId: string }): null {
  useArrivals(userId);
  useEvent("notification", ({ title, message }) => {
    const text = (
      <span dir="auto">
        <Linked text={message} />
      </span>
    );
    show({ kind: "info", title: <bdi>{title}</bdi>, message: text });
  });
  return null;
}
