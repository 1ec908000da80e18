import { fileURLToPath } from "node:url";
import tailwind from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/**
 * The page of a shared chat: a build of its own, so that whoever is sent a link gets nothing of the console's. It lies
 * below `/s/`, where nobody has to be signed in.
 */
export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "/s/",
  plugins: [react(), tailwind()],
  build: {
    outDir: fileURLToPath(new URL("../../../dist/console/s", import.meta.url)),
    emptyOutDir: true,
    assetsDir: "assets",
    // The page's policy allows fonts and scripts of our own host only: nothing becomes a data URL.
    assetsInlineLimit: 0,
    target: "es2023",
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        codeSplitting: {
          // Together, so that zod is told to generate no code before any other chunk makes a schema.
          groups: [{ name: "zod", test: /node_modules[\\/]zod[\\/]|[\\/]app[\\/]zod\.ts$/ }],
        },
      },
    },
  },
});
