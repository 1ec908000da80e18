/**
 * Not a test: makes the pictures of the documentation, `npm run screenshots`. Starts a server of its own, fills it
 * with an ordinary day's work through the product itself, and takes each picture in a real browser.
 */
import { mkdirSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import type { BrowserContext, Page } from "puppeteer-core";
import { texts } from "../../src/console/texts.ts";
import { signIn, startBrowser } from "../support/browser.ts";
import { ConsolePage, named } from "../support/e2e-console.ts";
import { type Person, personAt, scriptModel } from "../support/e2e-server.ts";
import { chatRequest, isDone, openSocket } from "../support/e2e-socket.ts";
import { startServer, type TestServer } from "../support/server.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const IMAGES = join(ROOT, "docs", "images");
/** Pictures are part of the repository. */
const PICTURE_BYTES = 400 * 1024;
const WIDE = { width: 1440, height: 900 };
const NARROW = { width: 390, height: 844, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
const THREAD = "lisbon";

const PLAN = `# Three days in Lisbon

Late May, two people, carry-on only.

## Friday: arrive and wander

- 14:20 land, metro to Baixa-Chiado
- Afternoon in **Alfama**: Miradouro de Santa Luzia, then down to the cathedral
- Dinner at Prado, table at 20:00

## Saturday: Belém

- Tram 15 before nine, ahead of the queue at the monastery
- Custard tarts, then the coast path to the *MAAT*
- Evening: fado in Mouraria

## Sunday: Sintra and home

- [x] Train tickets
- [x] Palace of Pena, entry at 09:30
- [x] Flight home at 19:45
- [ ] Luggage storage at Rossio
`;
const BUDGET = "item,days,eur\nFlights,,318\nHotel in Baixa,2,264\nFood,3,210\nTickets and trams,3,112\n";
const ASK = "Read trip/plan.md, add up what it will cost us and save the sums as trip/budget.csv.";
const ANSWER = `Together you will spend about **€904**. Food is an estimate: €35 a person and day.

| Item | Days | Cost |
| --- | ---: | ---: |
| Flights | | €318 |
| Hotel in Baixa | 2 | €264 |
| Food | 3 | €210 |
| Tickets and trams | 3 | €112 |

The sums are in \`trip/budget.csv\`. To add them up again after a change:

\`\`\`sh
awk -F, 'NR > 1 { sum += $3 } END { print sum }' trip/budget.csv
\`\`\`

One thing is still open in the plan: **luggage storage at Rossio** on Sunday.`;

const APPROVAL = "Book the table at Prado, and note it in the plan.";

const CHATS: readonly { thread: string; ask: string; answer: string }[] = [
  {
    thread: "invoices",
    ask: "Rename the invoices by date",
    answer: "All 14 invoices are now named by date, for example `2026-05-03-rent.pdf`.",
  },
  {
    thread: "meeting",
    ask: "Move Thursday's meeting to Friday at 10",
    answer: "Here is a draft:\n\n> Hello all, could we meet on Friday at 10 instead of Thursday?",
  },
  {
    thread: "tides",
    ask: "Tide table for next week",
    answer: "Low water is at 06:12 on Monday and comes about 50 minutes later each day.",
  },
];

async function ask(server: TestServer, person: Person, thread: string, text: string): Promise<void> {
  const socket = await openSocket(`${server.url}/@${person.handle}/${thread}`, person.token);
  const request = chatRequest(text);
  socket.send(request.frame);
  const done = await socket.until(isDone(request.id));
  await socket.close();
  if (done.outcome !== "completed") throw new Error(`“${text}” ended as ${done.outcome}: ${done.body}`);
}

async function fill(server: TestServer, person: Person): Promise<void> {
  const files = {
    "trip/plan.md": PLAN,
    "notes/packing.txt": "Rain jacket\nAdapter\n",
    "notes/books.md": "# To read\n",
  };
  for (const [path, body] of Object.entries(files)) {
    const at = `/api/agents/${person.handle}/files/content?path=${encodeURIComponent(path)}`;
    const put = await person.fetch(at, { method: "PUT", body });
    if (!put.ok) throw new Error(`${path} was not taken: ${put.status}`);
  }
  await scriptModel(server, [
    ...CHATS.map((chat) => ({ match: chat.ask, steps: [{ text: chat.answer }] })),
    {
      match: ASK,
      steps: [
        {
          text: "I will look at the plan first.",
          tools: [{ name: "read", input: { path: "trip/plan.md" } }],
        },
        { tools: [{ name: "write", input: { path: "trip/budget.csv", text: BUDGET } }] },
        { text: ANSWER },
      ],
    },
  ]);
  for (const chat of CHATS) await ask(server, person, chat.thread, chat.ask);
  await ask(server, person, THREAD, ASK);
  const title = JSON.stringify({ title: "Three days in Lisbon" });
  const headers = { "content-type": "application/json" };
  const path = `/api/agents/${person.handle}/threads/${THREAD}`;
  const renamed = await person.fetch(path, { method: "PATCH", body: title, headers });
  if (!renamed.ok) throw new Error(`The chat was not renamed: ${renamed.status}`);
}

/** Takes a picture once fonts and images are there and nothing moves any more. */
async function shoot(page: Page, name: string): Promise<void> {
  await page.evaluate(`document.fonts.ready.then(() => undefined)`);
  await page.waitForFunction(
    `document.getAnimations().every((one) => one.playState !== "running" || one.effect.getTiming().iterations === Infinity)`,
  );
  const path = join(IMAGES, `${name}.png`);
  await page.screenshot({ path: path as `${string}.png` }); // the name ends so, one line above
  const { size } = statSync(path);
  console.log(`${relative(ROOT, path)}  ${Math.round(size / 1024)} KB`);
  if (size > PICTURE_BYTES) throw new Error(`${name} is larger than ${PICTURE_BYTES / 1024} KB.`);
}

/** A chat that waits for its reader: a tool call to approve, and a message for after it. */
async function shootApproval(context: BrowserContext, server: TestServer, person: Person): Promise<void> {
  const settings = (toolRisks: Record<string, string>) =>
    person.fetch(`/api/agents/${person.handle}/settings`, {
      method: "PATCH",
      body: JSON.stringify({ toolRisks }),
      headers: { "content-type": "application/json" },
    });
  const asks = await settings({ edit: "ask" });
  if (!asks.ok) throw new Error(`The settings were not taken: ${asks.status}`);
  const input = { path: "trip/plan.md", find: "table at 20:00", replace: "table for two at 20:00, booked" };
  await scriptModel(server, [
    {
      match: APPROVAL,
      steps: [
        {
          text: "The table is free at 20:00. I will note that it is booked.",
          tools: [{ name: "edit", input }],
        },
        { text: "Done." },
      ],
    },
  ]);
  const chat = await ConsolePage.open(context, `${server.url}/@${person.handle}/table`, { viewport: WIDE });
  await chat.say(APPROVAL);
  await chat.page.waitForSelector(".approval");
  await chat.say("And send Ben the address");
  await chat.sees(texts.waiting.queued);
  await shoot(chat.page, "approval");
  await chat.page.close();
  await settings({});
}

type Look = { viewport: typeof WIDE | typeof NARROW; dark: boolean };

/** The chat, once its answer stands there. */
async function openChat(
  context: BrowserContext,
  url: string,
  { viewport, dark }: Look,
): Promise<ConsolePage> {
  const chat = await ConsolePage.open(context, `${url}/@alice/${THREAD}`, { viewport });
  await chat.page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }]);
  await chat.settled(2);
  await chat.heard("luggage storage");
  return chat;
}

async function shootChat(context: BrowserContext, url: string, name: string, look: Look): Promise<void> {
  const chat = await openChat(context, url, look);
  await shoot(chat.page, name);
  await chat.page.close();
}

mkdirSync(IMAGES, { recursive: true });
const server = await startServer({ paceMs: 0, scriptable: true });
const browser = await startBrowser();
try {
  const alice = await personAt(server, "alice@example.com");
  await fill(server, alice);
  const context = await browser.context();

  const door = await context.newPage();
  await door.setViewport(WIDE);
  await door.goto(`${server.url}/`);
  await shoot(door, "sign-in");
  await signIn(door, server.url, "alice@example.com", "/api/me");
  await door.close();

  for (const dark of [false, true]) {
    const mode = dark ? "dark" : "light";
    await shootChat(context, server.url, `chat-${mode}-wide`, { viewport: WIDE, dark });
    await shootChat(context, server.url, `chat-${mode}-narrow`, { viewport: NARROW, dark });
  }

  const files = await openChat(context, server.url, { viewport: WIDE, dark: false });
  await files.press("trip/plan.md");
  await files.page.waitForSelector(
    'section[aria-label="trip/plan.md"] h1, section[aria-label="trip/plan.md"] .prose',
  );
  await shoot(files.page, "files");
  await files.press(texts.chat.closeFiles);
  await files.page.close();

  const settings = await openChat(context, server.url, { viewport: WIDE, dark: false });
  await settings.press(texts.sidebar.account);
  await settings.press(texts.settings.model, "tab");
  await settings.page.waitForSelector(named("heading", texts.settings.providers));
  await shoot(settings.page, "settings");
  await settings.page.close();

  await shootApproval(context, server, alice);
} finally {
  await browser.close();
  await server.stop();
}
