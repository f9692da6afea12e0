/** One real service for all the tests: its web process, its worker, SQLite and a Redis. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import type { TestProject } from "vitest/node";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
// A token's connection ends soon after it; so many missed events are too many.
const SETTINGS = ["TOKEN_GRACE=1", "RECOVERY_MAX_EVENTS=20", "MAX_CONNECTIONS_PER_USER=5"];

declare module "vitest" {
  interface ProvidedContext {
    service: { readonly url: string; readonly secret: string };
  }
}

export default async function start(project: TestProject): Promise<() => Promise<void>> {
  const stage = spawn(`${ROOT}.venv/bin/python`, ["-m", "tests.harness.processes.stage", ...SETTINGS], {
    cwd: ROOT,
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(stage, "exit");
  const lines = createInterface({ input: stage.stdout });
  const line = await Promise.race([once(lines, "line"), ended]);
  if (typeof line[0] !== "string") throw new Error("the service did not start");
  project.provide("service", JSON.parse(line[0]) as { url: string; secret: string });
  return async () => {
    stage.stdin.end();
    await ended;
  };
}
