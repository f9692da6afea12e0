/** The network between a client and the service: it can be cut, and be down. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

import { service } from "./people";

export class Network {
  private readonly ends = new Set<Socket>();
  private isDown = false;
  private readonly server = createServer((client) => {
    if (this.isDown) {
      client.destroy();
      return;
    }
    const upstream = connect(Number(new URL(service.url).port), "127.0.0.1");
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      this.ends.add(one);
      one.on("error", () => undefined);
      one.on("close", () => {
        this.ends.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });

  async open(): Promise<string> {
    this.server.listen(0, "127.0.0.1");
    await once(this.server, "listening");
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  cut(): void {
    for (const end of this.ends) end.destroy();
  }

  /** Cut, and let nobody through until it is up. */
  down(): void {
    this.isDown = true;
    this.cut();
  }

  up(): void {
    this.isDown = false;
  }

  close(): void {
    this.cut();
    this.server.close();
  }
}
