/** The stock chat page of `test/e2e/page`, as tests drive it and look at it. */
import { join } from "node:path";
import type { BrowserContext, Page } from "puppeteer-core";
import { z } from "zod";
import { bundle, servePage } from "./e2e-page.ts";
import { type Person, textOf } from "./e2e-server.ts";

const shownMessages = z.array(
  z.looseObject({
    id: z.string(),
    role: z.string(),
    parts: z.array(z.looseObject({ type: z.string() })),
  }),
);
const shownChat = z.object({
  messages: shownMessages,
  status: z.string(),
  isStreaming: z.boolean(),
  error: z.string().nullable(),
});
export type ShownChat = z.infer<typeof shownChat>;
const renders = z.array(z.object({ status: z.string(), messages: shownMessages }));

export interface StockTools {
  /** Opens the page on a chat. `every`: each change is rendered, none is left out for speed. */
  tab(
    context: BrowserContext,
    address: Record<string, string>,
    options?: { every?: boolean },
  ): Promise<StockTab>;
}

/** Bundles the page, once a file. */
export async function stockPage(origin: () => string): Promise<StockTools> {
  const script = await bundle(join(import.meta.dirname, "../e2e/page/chat.ts"));
  return {
    async tab(context, address, options = {}) {
      const page = await context.newPage();
      const at = await servePage(page, origin(), script);
      const query = new URLSearchParams({ ...address, ...(options.every && { every: "" }) });
      await page.goto(at(query.toString()));
      await page.waitForSelector("#draft");
      return new StockTab(page);
    },
  };
}

/** How a thread of a person's is addressed. */
export const byPath = (person: Person, thread: string) => ({ basePath: `@${person.handle}/${thread}` });

export class StockTab {
  readonly page: Page;
  constructor(page: Page) {
    this.page = page;
  }
  async say(text: string): Promise<void> {
    await this.page.type("#draft", text);
    await this.page.click("#send");
  }
  press(button: "stop" | "regenerate" | "clear" | "approve" | "deny"): Promise<void> {
    return this.page.click(`#${button}`);
  }
  async reload(): Promise<void> {
    await this.page.reload();
    await this.page.waitForSelector("#draft");
  }
  /** Waits until an expression over `chat` (what the page shows) and `shown` is true. */
  async until(expression: string): Promise<void> {
    await this.page.waitForFunction(`globalThis.chat && (${expression})`);
  }
  /** Waits until the newest message is an answer that has at least so many characters. */
  streamed(chars: number): Promise<void> {
    return this.until(`shown.length > 0 && shown.at(-1).length >= ${chars}`);
  }
  /** Waits until nothing runs and there are so many messages. */
  settled(messages: number): Promise<void> {
    return this.until(
      `chat.messages.length === ${messages} && chat.status === "ready" && !chat.isStreaming && !chat.isRecovering`,
    );
  }
  /** Waits until a tool of the newest message is in this state. */
  tool(state: string): Promise<void> {
    return this.until(`chat.messages.at(-1)?.parts.some((part) => part.state === ${JSON.stringify(state)})`);
  }
  async chat(): Promise<ShownChat> {
    return shownChat.parse(await this.page.evaluate("globalThis.chat"));
  }
  async shown(): Promise<string[]> {
    return z.array(z.string()).parse(await this.page.evaluate("globalThis.shown"));
  }
  async texts(): Promise<string[]> {
    return (await this.chat()).messages.map((message) => textOf(message));
  }
  /** Every list of messages that it has rendered since it was loaded. */
  async renders(): Promise<z.infer<typeof renders>> {
    return renders.parse(await this.page.evaluate("globalThis.renders"));
  }
}
