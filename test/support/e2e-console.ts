/** The console as a reader uses it: by the names that a screen reader would say, from the console's own texts. */
import type { BrowserContext, Page } from "puppeteer-core";
import { z } from "zod";
import { texts } from "../../src/console/texts.ts";
import { type PageProblems, watchProblems } from "./browser.ts";

const line = z.object({ id: z.string(), mine: z.boolean(), busy: z.boolean(), text: z.string() });
export type ConsoleLine = z.infer<typeof line>;

/** What stands in the chat, from the page itself; `dimmed` messages and notices are looked at by their words. */
const LINES = `[...document.querySelectorAll("article[data-message]")].map((article) => ({
  id: article.dataset.message,
  mine: article.classList.contains("message-user"),
  busy: article.getAttribute("aria-busy") === "true",
  text: [...article.querySelectorAll(".prose, .bubble")].map((part) => part.innerText.trim()).join("\\n"),
}))`;

/** Keeps every text of the newest answer that was ever shown, in \`shown\`. */
const KEEP_SHOWN = `
  globalThis.shown = [];
  const look = () => {
    const newest = ${LINES}.filter((line) => !line.mine).at(-1);
    if (newest?.text && shown.at(-1) !== newest.text) shown.push(newest.text);
  };
  new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true });
`;

/** A selector for what has this role and name. */
export const named = (role: string, name: string): string => `::-p-aria([name="${name}"][role="${role}"])`;

export class ConsolePage {
  readonly page: Page;
  readonly problems: PageProblems;

  private constructor(page: Page, problems: PageProblems) {
    this.page = page;
    this.problems = problems;
  }

  /** Opens a page of the console for somebody who is signed in. `expected`: complaints that the test provokes. */
  static async open(
    context: BrowserContext,
    address: string,
    options: {
      expected?: readonly RegExp[];
      viewport?: { width: number; height: number; deviceScaleFactor?: number };
      /** What is there when the page is: the message box, unless said otherwise. */
      ready?: string;
    } = {},
  ): Promise<ConsolePage> {
    const page = await context.newPage();
    const problems = await watchProblems(page, options.expected);
    await page.setViewport(options.viewport ?? { width: 1440, height: 900 });
    await page.evaluateOnNewDocument(KEEP_SHOWN);
    const opened = new ConsolePage(page, problems);
    await page.goto(address, { waitUntil: "domcontentloaded" });
    if (options.ready) await page.waitForSelector(options.ready);
    else await opened.ready();
    return opened;
  }

  /** Resolves when the chat can be typed into. */
  async ready(): Promise<void> {
    await this.page.waitForSelector(named("textbox", texts.composer.label));
  }

  /** Types into the message box and leaves it there. */
  async type(text: string): Promise<void> {
    const box = await this.page.waitForSelector("#composer:not(:disabled)");
    await box?.type(text);
  }

  async say(text: string): Promise<void> {
    await this.type(text);
    await this.page.keyboard.press("Enter");
  }

  /** Presses a button of the message with these words; it may be shown only while the pointer is over it. */
  async pressIn(message: string, name: string): Promise<void> {
    const found = `[...document.querySelectorAll("article[data-message]")]
      .find((article) => article.querySelector(".bubble, .prose")?.innerText.trim() === ${JSON.stringify(message)})`;
    const button = `[...(${found})?.querySelectorAll("button") ?? []].find(
      (button) => (button.getAttribute("aria-label") ?? button.innerText) === ${JSON.stringify(name)})`;
    await this.page.waitForFunction(button);
    await this.page.evaluate(`(${button}).click()`);
  }

  /** Replaces what stands in a field. */
  async fill(label: string, text: string): Promise<void> {
    const field = await this.page.waitForSelector(named("textbox", label));
    await field?.focus();
    await this.page.evaluate("document.activeElement.select()");
    await this.page.keyboard.type(text);
  }

  /** Chooses from a list. */
  async choose(label: string, value: string): Promise<void> {
    const field = await this.page.waitForSelector(named("combobox", label));
    await field?.select(value);
  }

  async press(name: string, role = "button"): Promise<void> {
    const button = await this.page.waitForSelector(named(role, name), { visible: true });
    await button?.click();
  }

  /** Waits until an expression over \`lines\` and \`shown\` is true. */
  async until(expression: string): Promise<void> {
    await this.page.waitForFunction(`((lines) => ${expression})(${LINES})`);
  }

  /** Waits until so many messages stand there and none is being written or waits. */
  async settled(count: number): Promise<void> {
    await this.until(
      `lines.length === ${count} && lines.every((line) => !line.busy) && lines.at(-1)?.mine !== true &&
       !document.querySelector(".thinking, .send-stop")`,
    );
  }

  /** Waits until the newest answer shows a word. */
  async heard(word: string): Promise<void> {
    await this.until(`lines.filter((line) => !line.mine).at(-1)?.text.includes(${JSON.stringify(word)})`);
  }

  /** Waits until a text is nowhere on the page. */
  async loses(text: string): Promise<void> {
    await this.page.waitForFunction(`!document.body.innerText.includes(${JSON.stringify(text)})`);
  }

  async sees(text: string): Promise<void> {
    await this.page.waitForFunction(`document.body.innerText.includes(${JSON.stringify(text)})`);
  }

  async lines(): Promise<ConsoleLine[]> {
    return z.array(line).parse(await this.page.evaluate(LINES));
  }

  async texts(): Promise<string[]> {
    return (await this.lines()).map(({ text }) => text);
  }

  async shown(): Promise<string[]> {
    return z.array(z.string()).parse(await this.page.evaluate("globalThis.shown"));
  }

  async reload(): Promise<void> {
    await this.page.reload({ waitUntil: "domcontentloaded" });
    await this.ready();
  }
}
