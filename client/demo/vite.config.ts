import react from "@vitejs/plugin-react";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { defineConfig, type Plugin, type Rolldown } from "vite";

const MAX_KILOBYTES = 120; // of scripts and styles, compressed, at the first load
const PAGES = {
  index: fileURLToPath(new URL("index.html", import.meta.url)),
  console: fileURLToPath(new URL("console.html", import.meta.url)), // of /docs
};
const WORTH = /\.(js|css|svg)$/;

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react(), first(), compressed()],
  build: {
    outDir: fileURLToPath(new URL("../../app/http/site", import.meta.url)),
    emptyOutDir: true,
    rolldownOptions: { input: PAGES },
    assetsInlineLimit: 0, // the policy allows no data: either
    modulePreload: { polyfill: false },
    reportCompressedSize: false, // compressed() says it
  },
});

/** Puts first.js before everything else: as a file, because the policy allows no inline scripts. */
function first(): Plugin {
  const source = readFileSync(new URL("first.js", import.meta.url), "utf8");
  const fileName = `assets/first-${createHash("sha256").update(source).digest("hex").slice(0, 8)}.js`;
  return {
    name: "first",
    buildStart() {
      this.emitFile({ type: "asset", fileName, source });
    },
    transformIndexHtml: () => [{ tag: "script", attrs: { src: `/${fileName}` }, injectTo: "head-prepend" }],
  };
}

/** The files that the page needs before it shows anything: the entry, and what it imports at once. */
function firstLoad(bundle: Rolldown.OutputBundle): Set<string> {
  const needed = new Set<string>();
  const add = (name: string) => {
    const file = bundle[name];
    if (file?.type !== "chunk" || needed.has(name)) return;
    needed.add(name);
    for (const style of file.viteMetadata?.importedCss ?? []) needed.add(style);
    file.imports.forEach(add);
  };
  for (const file of Object.values(bundle)) if (file.type === "chunk" && file.isEntry && file.name === "index") add(file.fileName);
  return needed;
}

/** Puts a .gz and a .br beside each file, which Flask serves, and says what the first load costs. Browsers
    take Brotli over HTTPS alone, so the limit is for gzip. */
function compressed(): Plugin {
  return {
    name: "compressed",
    generateBundle: {
      order: "post", // after Vite has put in the addresses of later chunks
      handler(_, bundle) {
        const first = firstLoad(bundle);
        let bytes = 0;
        for (const file of Object.values(bundle)) {
          if (!WORTH.test(file.fileName)) continue;
          const plain = file.type === "chunk" ? file.code : file.source;
          const source = gzipSync(plain, { level: 9 });
          if (first.has(file.fileName)) bytes += source.length;
          this.emitFile({ type: "asset", fileName: `${file.fileName}.gz`, source });
          this.emitFile({ type: "asset", fileName: `${file.fileName}.br`, source: brotliCompressSync(plain) });
        }
        const kilobytes = bytes / 1000;
        const said = `First load: ${kilobytes.toFixed(1)} KB of scripts and styles, compressed; the limit is ${MAX_KILOBYTES} KB.`;
        if (kilobytes >= MAX_KILOBYTES) this.error(said);
        console.log(said);
      },
    },
  };
}
