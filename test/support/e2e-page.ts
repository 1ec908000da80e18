/** A page of a test's own, bundled by Vite and served to the browser as if it lay on the server itself. */
import { dirname } from "node:path";
import type { HTTPRequest, Page } from "puppeteer-core";
import { build } from "vite";

/** Where the page lies: below no route of the server's, so that nothing of it is hidden. */
const PAGE_PATH = "/e2e-page/";
const SCRIPT_PATH = `${PAGE_PATH}page.js`;
const HTML = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>page</title></head>
<body><div id="root"></div><script type="module" src="${SCRIPT_PATH}"></script></body></html>`;

/** Bundles one entry (an absolute path) into one script. Nothing is written to the disk. */
export async function bundle(entry: string): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: "error",
    root: dirname(entry),
    build: {
      write: false,
      minify: false,
      modulePreload: false,
      rollupOptions: { input: entry, output: { codeSplitting: false } },
    },
  });
  const outputs = Array.isArray(built) ? built : [built];
  for (const { output } of outputs.filter((one) => "output" in one)) {
    for (const file of output) if (file.type === "chunk" && file.isEntry) return file.code;
  }
  throw new Error(`Vite made no script of ${entry}.`);
}

/** From now on the page's own address below `origin` gives the bundle; everything else goes to the server. */
export async function servePage(
  page: Page,
  origin: string,
  script: string,
): Promise<(query: string) => string> {
  await page.setRequestInterception(true);
  page.on("request", (request: HTTPRequest) => {
    const url = new URL(request.url());
    const ours = url.origin === origin;
    if (ours && url.pathname === PAGE_PATH) {
      void request.respond({ contentType: "text/html", body: HTML });
    } else if (ours && url.pathname === SCRIPT_PATH) {
      void request.respond({ contentType: "text/javascript", body: script });
    } else void request.continue();
  });
  return (query) => `${origin}${PAGE_PATH}?${query}`;
}
