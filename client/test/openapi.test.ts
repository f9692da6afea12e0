// A client in the team's language, generated from the service's own OpenAPI document, compiles.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { expect, inject, test } from "vitest";

const MODULES = resolve(import.meta.dirname, "../node_modules");
const OPTIONS = {
  compilerOptions: {
    strict: true,
    noEmit: true,
    target: "ES2022",
    module: "ESNext",
    moduleResolution: "bundler",
    lib: ["ES2022", "DOM", "DOM.Iterable"],
    types: [],
  },
  include: ["*.ts", "made/**/*.ts"],
};
const USE = `
import { changeStatus, listOrders, placeOrder } from "./made";

export async function buy(productId: string): Promise<string | undefined> {
  const { data, error } = await placeOrder({ body: { items: [{ productId, quantity: 2 }] } });
  if (data === undefined) throw new Error(error.error.code);
  const cents: number = data.totalCents;
  const listed = await listOrders({ query: { status: ["pending", "confirmed"] } });
  const names = listed.data?.orders.flatMap((order) => order.items.map((item) => item.name));
  await changeStatus({ path: { order_id: data.id }, body: { status: "cancelled" } });
  // @ts-expect-error No such status.
  await changeStatus({ path: { order_id: data.id }, body: { status: "lost" } });
  // @ts-expect-error The quantity is a number.
  await placeOrder({ body: { items: [{ productId, quantity: "2" }] } });
  return cents > 0 ? names?.[0] : undefined;
}
`;

test("a client that is generated from the OpenAPI document compiles, and its types hold", async () => {
  const project = mkdtempSync(join(tmpdir(), "generated-"));
  try {
    const document = await fetch(`${inject("service").url}/api/openapi.json`);
    writeFileSync(join(project, "openapi.json"), await document.text());
    const generate = ["-i", "openapi.json", "-o", "made", "-c", "@hey-api/client-fetch", "--no-log-file"];
    execFileSync(join(MODULES, ".bin/openapi-ts"), generate, { cwd: project });
    symlinkSync(MODULES, join(project, "node_modules"));
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify(OPTIONS));
    writeFileSync(join(project, "use.ts"), USE);
    const compiled = spawnSync(join(MODULES, ".bin/tsc"), ["-p", "."], { cwd: project, encoding: "utf8" });
    expect(compiled.stdout).toBe("");
    expect(compiled.status).toBe(0);
  } finally {
    await rm(project, { recursive: true });
  }
}, 60_000);
