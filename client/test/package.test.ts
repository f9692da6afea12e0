// The package as `npm pack` makes it, in a project of somebody else.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

const MODULES = resolve(import.meta.dirname, "../node_modules");
const ROOT = resolve(import.meta.dirname, "../..");
const TEAM = { FLASK_APP: "tests/adoption/team/app.py", FLASK_SECRET_KEY: "no secret at all",
  FLASK_SQLALCHEMY_DATABASE_URI: "sqlite://" };
const OWN_EVENTS = `
import { type AllPayloads, getSocket, onEvent, onUntypedEvent } from "@ordercast/client";
import { useEvent, useUntypedEvent } from "@ordercast/client/react";
import type { ParcelMoved } from "./ordercast.js";

declare module "@ordercast/client" {
  interface Payloads {
    notification: { readonly parcel: string }; // the marketplace has another of this name
  }
  interface ClientEvents {
    "parcel:find": (id: string, answer: (found: boolean) => void) => void;
  }
}

onEvent("parcel:moved", (parcel, offset) => parcel.place.toUpperCase() + (offset ?? ""));
onEvent("notification", ({ parcel }) => parcel.toUpperCase());
onEvent("order:status", (order) => order.orderNumber.toUpperCase());
// @ts-expect-error No such event.
onEvent("parcel:lost", () => undefined);
onUntypedEvent("parcel:lost", (payload) => String(payload));
// @ts-expect-error The payload of an event that is not declared is unknown.
onUntypedEvent("parcel:lost", (payload) => payload.id);
// @ts-expect-error No such key.
onEvent("parcel:moved", (parcel) => parcel.weight);
// @ts-expect-error No such key.
export const wrong: ParcelMoved = { id: "1", place: "ramp", weight: 2 };
export const payload: AllPayloads["parcel:moved"] = { id: "1", place: "ramp" };
getSocket()?.emit("parcel:find", "7", (found) => found.valueOf());
// @ts-expect-error No such event.
getSocket()?.emit("parcel:lose", "7");
export const hook = () => {
  useEvent("parcel:moved", (parcel) => parcel.id.toUpperCase());
  useUntypedEvent("parcel:lost", (payload) => String(payload));
  // @ts-expect-error No such event.
  useEvent("parcel:lost", () => undefined);
};
`;
const WRONG = `
import { onEvent } from "@ordercast/client";
import "./ordercast.js";

onEvent("parcel:moved", (parcel: { id: number }) => parcel.id);
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
  writeFileSync(join(project, "wrong.ts"), WRONG);
  const types = ["ordercast", "types", "--output", join(project, "ordercast.ts")];
  execFileSync(join(ROOT, ".venv/bin/flask"), types, { cwd: ROOT, env: { ...process.env, ...TEAM } });
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
  ["node10", ["--module", "ES2022", "--ignoreDeprecations", "6.0"]],
  ["node16", ["--module", "node16"]],
  ["bundler", ["--module", "ES2022"]],
])("types resolve with moduleResolution %s, and a team's own events are events", (resolution, more) => {
  expect(compiled("main.ts", "--moduleResolution", resolution, ...more)).toBe("");
}, 60_000);

test("a handler for another payload than the declared one does not compile", () => {
  const said = compiled("wrong.ts", "--moduleResolution", "bundler", "--module", "ES2022");
  expect(said).toMatch(/^wrong\.ts\(5,25\): error TS2345/);
  expect(said).toContain("Type 'string' is not assignable to type 'number'");
}, 60_000);

/** Compile a file of the project -> the compiler's complaints. */
function compiled(file: string, ...options: string[]): string {
  const tsc = [join(MODULES, "typescript/bin/tsc"), "--noEmit", "--strict", "--target", "ES2022"];
  const all = [...tsc, "--types", "node", "--skipLibCheck", ...options, file];
  const { stdout, stderr } = spawnSync("node", all, { cwd: project, encoding: "utf8" });
  return stdout + stderr;
}
