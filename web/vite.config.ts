import { defineConfig } from "vite";

// Where `npm run dev` finds the server: the mock (`npm run mock`) or a `minesegsat serve`.
const server = process.env["MINESEGSAT_URL"] ?? "http://127.0.0.1:8787";

export default defineConfig({
  // Relative, so that the page also works below a path of a reverse proxy.
  base: "./",
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // MapLibre alone is larger than the default; tests/budget.test.ts holds the whole page to its limit.
    chunkSizeWarningLimit: 1200,
  },
  worker: { format: "es" },
  // The words of the page lie beside those of the reports.
  server: { fs: { allow: [".", "../crates/minesegsat-page/src/words"] }, proxy: { "/api": server, "/tiles": server, "/openapi.json": server } },
});
