import { fileURLToPath } from "node:url";
import tailwind from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** The console is a static page: everything it needs is in `dist/console`, scripts and styles under `/assets/`. */
export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "/",
  plugins: [react(), tailwind()],
  build: {
    outDir: fileURLToPath(new URL("../../dist/console", import.meta.url)),
    emptyOutDir: true,
    assetsDir: "assets",
    // The page's policy allows fonts and scripts of our own host only: nothing becomes a data URL.
    assetsInlineLimit: 0,
    target: "es2023",
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            // Together, so that zod is told to generate no code before any other chunk makes a schema.
            { name: "zod", test: /node_modules[\\/]zod[\\/]|[\\/]app[\\/]zod\.ts$/, priority: 2 },
            // Changes with its version only, so that browsers keep it across our releases.
            { name: "react", test: /node_modules[\\/](?:react|react-dom|scheduler)[\\/]/, priority: 1 },
          ],
        },
      },
    },
  },
});
