/** Clients and servers for the tests: each is ended after its test. */
import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

import { afterEach, vi } from "vitest";

import { Connection, type Options, type TokenSource } from "../src";
import type { KeyValue } from "../src/place";
import { Network } from "./network";
import { service } from "./people";

const open: (() => void)[] = [];

afterEach(() => {
  for (const close of open.splice(0)) close();
});

export const QUICK = { reconnectionDelay: 20, reconnectionDelayMax: 100 };

/** A connection that comes back quickly, held until the test is over. */
export function connectionOf(source: TokenSource, options: Options = {}, url = service.url) {
  const connection = new Connection(source, url, { io: QUICK, ...options });
  connection.hold();
  open.push(() => {
    connection.end();
  });
  return connection;
}

export async function network(): Promise<{ network: Network; url: string }> {
  const made = new Network();
  open.push(() => {
    made.close();
  });
  return { network: made, url: await made.open() };
}

/** Let the server listen -> its URL. */
export async function served(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  open.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Until it says so; fails after ten seconds. */
export function until(said: () => boolean, what: string): Promise<void> {
  return vi.waitFor(
    () => {
      if (!said()) throw new Error(`never: ${what}`);
    },
    { timeout: 10_000, interval: 10 },
  );
}

export async function live(connection: Connection, connects = 1): Promise<void> {
  await until(
    () => {
      const state = connection.state();
      return state.state === "live" && state.connects >= connects;
    },
    `live ${connects}, but ${JSON.stringify(connection.state())}`,
  );
}

/** A tab: its session storage, and the events of its page. */
export class Tab {
  readonly page = new EventTarget();
  private readonly kept = new Map<string, string>();

  readonly storage: KeyValue = {
    getItem: (key) => this.kept.get(key) ?? null,
    setItem: (key, value) => {
      this.kept.set(key, value);
    },
    removeItem: (key) => {
      this.kept.delete(key);
    },
  };

  get options(): Options {
    return { storage: this.storage, page: this.page };
  }

  /** What the next page of the tab, or a copy of it, finds. */
  next(): Tab {
    const tab = new Tab();
    for (const [key, value] of this.kept) tab.kept.set(key, value);
    return tab;
  }

  hide(): void {
    this.page.dispatchEvent(new Event("pagehide"));
  }
}
