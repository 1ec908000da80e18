/** People, each in a browser of their own, before the console's screens of the door. */
import type { BrowserContext } from "puppeteer-core";
import { z } from "zod";
import { texts } from "../../src/console/texts.ts";
import { signIn, type TestBrowser } from "./browser.ts";
import { ConsolePage, named } from "./e2e-console.ts";
import { type Person, personAt } from "./e2e-server.ts";
import type { TestServer } from "./server.ts";

const invited = z.object({ link: z.string() });

export interface Someone extends Person {
  email: string;
  context: BrowserContext;
  /** Opens a page of the console; `ready` is what it waits for, the message box unless said otherwise. */
  open(path: string, options?: { expected?: readonly RegExp[]; ready?: string }): Promise<ConsolePage>;
  /** A call of the API that has to go well. */
  post(path: string, body: unknown, method?: string): Promise<unknown>;
}

export interface Crowd {
  /** Somebody with a sign-in of their own, in a browser and over HTTP. */
  someone(email: string): Promise<Someone>;
  /** A team with its owner and members. */
  team(handle: string, owner: Someone, members?: readonly [Someone, string][]): Promise<void>;
  /** What all pages complained about; closes their browsers. */
  end(): Promise<string[]>;
}

export function crowd(server: TestServer, browser: TestBrowser): Crowd {
  const contexts: BrowserContext[] = [];
  const pages: ConsolePage[] = [];
  return {
    async someone(email) {
      const person = await personAt(server, email);
      const context = await browser.context();
      contexts.push(context);
      const door = await context.newPage();
      await signIn(door, server.url, email, "/api/me");
      await door.close();
      return {
        ...person,
        email,
        context,
        async open(path, { expected = [], ready } = {}) {
          const page = await ConsolePage.open(context, server.url + path, {
            expected,
            ready: ready ?? named("textbox", texts.composer.label),
          });
          pages.push(page);
          return page;
        },
        async post(path, body, method = "POST") {
          const headers = { "content-type": "application/json" };
          const response = await person.fetch(path, { method, headers, body: JSON.stringify(body) });
          const text = await response.text();
          if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
          return text === "" ? null : JSON.parse(text);
        },
      };
    },
    async team(handle, owner, members = []) {
      await owner.post("/api/teams", { name: `Team ${handle}`, handle });
      for (const [member, role] of members) {
        const { link } = invited.parse(await owner.post(`/api/teams/${handle}/invitations`, { role }));
        const token = link.split("/").at(-1);
        await member.post(`/api/teams/${handle}/invitations/accept`, { token });
      }
    },
    async end() {
      const problems = pages.flatMap((page) => page.problems.list);
      await Promise.all(contexts.map((context) => context.close()));
      return problems;
    },
  };
}

/** Opens the settings at a page of theirs. */
export async function openSettings(page: ConsolePage, tab: string): Promise<void> {
  await page.press(texts.sidebar.account);
  await page.press(tab, "tab");
}

/** Presses what asks first, and then what does it. */
export async function confirm(page: ConsolePage, label: string, of: string, action: string): Promise<void> {
  await page.press(`${label}: ${of}`);
  const inside = await page.page.waitForSelector(`::-p-aria([name="${label}: ${of}"][role="alertdialog"])`);
  const button = await inside?.waitForSelector(named("button", action));
  await button?.click();
}

/** What is shown once, under its name. */
export async function shownOnce(page: ConsolePage, name: string): Promise<string> {
  const box = await page.page.waitForSelector(`output[aria-label="${name}"]`);
  return z.string().parse(await box?.evaluate((element) => element.textContent));
}
