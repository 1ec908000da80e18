/**
 * A real browser for tests: a Chrome of this machine if there is one, else the Chromium that comes as an npm package,
 * so that nothing has to be downloaded. One browser serves a whole file; each test has contexts of its own.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import packaged from "@sparticuz/chromium";
import puppeteer, { type Browser, type BrowserContext, type Page } from "puppeteer-core";

const INSTALLED = [
  "/usr/bin/google-chrome",
  "/usr/bin/google-chrome-stable",
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--no-default-browser-check",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-extensions",
  // Tabs that nobody looks at go on as if somebody did: a test has only one screen.
  "--disable-background-timer-throttling",
  "--disable-backgrounding-occluded-windows",
  "--disable-renderer-backgrounding",
  // Shared memory is small in containers.
  "--disable-dev-shm-usage",
  "--font-render-hinting=none",
];

export interface TestBrowser {
  /** A fresh profile: its own cookies and storage. */
  context(): Promise<BrowserContext>;
  /** Ends the process and removes its profile. */
  close(): Promise<void>;
}

/** `CHROME_PATH`, an installed Chrome or Chromium, or the packaged one, which is unpacked once a machine. */
async function executable(): Promise<string> {
  const wanted = process.env.CHROME_PATH;
  if (wanted) return wanted;
  return INSTALLED.find((path) => existsSync(path)) ?? (await packaged.executablePath());
}

/** Starts a browser. Throws with its own words when it does not start. */
export async function startBrowser(): Promise<TestBrowser> {
  const profile = mkdtempSync(join(tmpdir(), "holdfast-browser-"));
  const browser: Browser = await puppeteer.launch({
    executablePath: await executable(),
    headless: "shell",
    args: FLAGS,
    userDataDir: profile,
    defaultViewport: { width: 1280, height: 800 },
  });
  return {
    context: () => browser.createBrowserContext(),
    async close() {
      await browser.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

/** Signs in by the sign-in page, as a person does, on the way to `path`. Resolves when that page has come. */
export async function signIn(page: Page, url: string, email: string, path = "/"): Promise<void> {
  await page.goto(url + path, { waitUntil: "domcontentloaded" });
  await page.type('input[type="email"]', email);
  await Promise.all([
    page.waitForNavigation({ waitUntil: "domcontentloaded" }),
    page.click('button[type="submit"], button.primary'),
  ]);
}

export interface PageProblems {
  /** Errors on the console, uncaught exceptions, and violations of the page's own policy. */
  list: string[];
}

/**
 * Collects what a page complains about, from now on. `expected` are complaints that a test provokes, such as a
 * connection that was cut.
 */
export async function watchProblems(page: Page, expected: readonly RegExp[] = []): Promise<PageProblems> {
  const list: string[] = [];
  const add = (text: string): void => {
    if (!expected.some((pattern) => pattern.test(text))) list.push(text);
  };
  page.on("pageerror", (error) => add(`uncaught: ${error instanceof Error ? error.message : String(error)}`));
  page.on("console", (message) => {
    if (message.type() === "error") add(`console: ${message.text()} (${message.location().url ?? ""})`);
  });
  await page.exposeFunction("reportViolation", (text: string) => add(`policy: ${text}`));
  await page.evaluateOnNewDocument(
    `addEventListener("securitypolicyviolation", (event) =>
       reportViolation(event.violatedDirective + " " + event.blockedURI))`,
  );
  return { list };
}
