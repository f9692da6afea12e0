// The package as `npm pack` makes it, in a project of somebody else.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

const MODULES = resolve(import.meta.dirname, "../node_modules");
const OWN_EVENTS = `
import { onEvent, type Payloads } from "@ordercast/client";
import { useEvent } from "@ordercast/client/react";

declare module "@ordercast/client" {
  interface Payloads {
    "parcel:moved": { readonly id: string };
  }
}

onEvent("parcel:moved", (parcel) => parcel.id.toUpperCase());
onEvent("order:status", (order) => order.orderNumber.toUpperCase());
// @ts-expect-error No such event.
onEvent("parcel:lost", () => undefined);
// @ts-expect-error No such key.
export const payload: Payloads["parcel:moved"] = { id: "1", weight: 2 };
export const hook = () => {
  useEvent("parcel:moved", (parcel) => parcel.id.toUpperCase());
};
`;

let project: string;
let unpacked: string;

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), "ordercast-package-"));
  const packing = ["pack", "--silent", "--pack-destination", project];
  execFileSync("npm", packing, { cwd: resolve(import.meta.dirname, "..") });
  const [archive = ""] = readdirSync(project);
  unpacked = join(project, "node_modules/@ordercast/client");
  mkdirSync(unpacked, { recursive: true });
  execFileSync("tar", ["xzf", join(project, archive), "--strip-components=1", "-C", unpacked]);
  // What npm would install beside it.
  for (const name of ["socket.io-client", "@socket.io", "engine.io-client", "engine.io-parser",
    "socket.io-parser", "debug", "ms", "ws", "xmlhttprequest-ssl", "react", "@types", "csstype"]) {
    symlinkSync(join(MODULES, name), join(project, "node_modules", name));
  }
  writeFileSync(join(project, "package.json"), '{ "type": "module" }');
  writeFileSync(join(project, "main.ts"), OWN_EVENTS);
}, 120_000);

afterAll(() => rm(project, { recursive: true }));

test("it has its code, its types, its maps, its readme and its licence, and nothing else", () => {
  expect(readdirSync(unpacked).sort()).toEqual(["LICENSE", "README.md", "dist", "package.json"]);
  const sources = readdirSync(resolve(import.meta.dirname, "../src")).map((file) => file.replace(/\.tsx?$/, ""));
  const built = sources.flatMap((name) => [`${name}.d.ts`, `${name}.js`, `${name}.js.map`]);
  expect(readdirSync(join(unpacked, "dist")).sort()).toEqual(built.sort());
  const map = JSON.parse(readFileSync(join(unpacked, "dist/index.js.map"), "utf8")) as {
    sourcesContent: string[];
  };
  expect(map.sourcesContent[0]).toContain("currentConnection");
  const manifest = JSON.parse(readFileSync(join(unpacked, "package.json"), "utf8")) as {
    license: string;
    dependencies: Record<string, string>;
  };
  expect(manifest.license).toBe("MIT");
  expect(manifest.dependencies["socket.io-client"]).toMatch(/^\^4\./);
});

test("Node imports it", () => {
  const script = 'import("@ordercast/client").then((all) => console.log(typeof all.initSocket))';
  expect(execFileSync("node", ["-e", script], { cwd: project }).toString()).toBe("function\n");
});

// node10 knows no `exports`, and TypeScript 6 only when it is told to.
test.each([
  ["node10", "ES2022", ["--ignoreDeprecations", "6.0"]],
  ["node16", "node16", []],
  ["bundler", "ES2022", []],
])("types resolve with moduleResolution %s, and a team's own events are events", (resolution, module, more) => {
  const options = ["--noEmit", "--strict", "--target", "ES2022", "--types", "node", "--skipLibCheck"];
  const tsc = [join(MODULES, "typescript/bin/tsc"), ...options, "--moduleResolution", resolution];
  const run = () => execFileSync("node", [...tsc, "--module", module, ...more, "main.ts"], { cwd: project });
  expect(run().toString()).toBe("");
}, 60_000);
