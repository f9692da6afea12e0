import react from "@vitejs/plugin-react";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

const MAX_KILOBYTES = 120; // of JavaScript, compressed, at the first load
const WORTH = /\.(js|css|svg)$/;

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react(), compressed()],
  build: {
    outDir: fileURLToPath(new URL("../../app/http/site", import.meta.url)),
    emptyOutDir: true,
    assetsInlineLimit: 0, // the policy allows no data: either
    modulePreload: { polyfill: false },
    reportCompressedSize: false, // compressed() says it
  },
});

/** Puts a .gz beside each file, which Flask serves, and says what the first load costs. */
function compressed(): Plugin {
  return {
    name: "compressed",
    generateBundle(_, bundle) {
      let scripts = 0; // bytes; there is one page, and it loads them all
      for (const file of Object.values(bundle)) {
        if (!WORTH.test(file.fileName)) continue;
        const source = gzipSync(file.type === "chunk" ? file.code : file.source, { level: 9 });
        if (file.fileName.endsWith(".js")) scripts += source.length;
        this.emitFile({ type: "asset", fileName: `${file.fileName}.gz`, source });
      }
      const kilobytes = scripts / 1000;
      const said = `First load: ${kilobytes.toFixed(1)} KB of JavaScript, compressed; the limit is ${MAX_KILOBYTES} KB.`;
      if (kilobytes >= MAX_KILOBYTES) this.error(said);
      console.log(said);
    },
  };
}
