/** `npm run chat`: talks to a running Holdfast from the terminal. */
import { randomUUID } from "node:crypto";
import { performance } from "node:perf_hooks";
import { z } from "zod";
import type { Outcome } from "./lib/chat/events.ts";
import { runPrompt } from "./lib/chat/prompt.ts";
import { type Render, renderJson, renderText } from "./lib/chat/render.ts";
import { type ChatServer, openServer } from "./lib/chat/server.ts";
import { ChatSession } from "./lib/chat/session.ts";
import { EXIT, readFlags, runCommand, UsageError } from "./lib/command.ts";
import { openDataDir } from "./lib/data-dir.ts";
import { DEFAULT_DATA, DEFAULT_PORT, dataFlag, emailFlag, groupsFlag } from "./lib/flags.ts";
import { originOf, personToken } from "./lib/token.ts";

const USAGE = `Usage: npm run chat -- [flags] ["text"]

Talks to a running Holdfast. With a text, asks it and ends with the answer; without one, opens a prompt.

  --as EMAIL     who you are (default alice@example.com)
  --groups A,B   your groups (default: what the sign-in page gives them)
  --thread NAME  which of your chats (default main)
  --url URL      where Holdfast is (default: where the data directory was last served, else http://127.0.0.1:${DEFAULT_PORT})
  --data DIR     the server's data directory (default ${DEFAULT_DATA})
  --json         print events, one JSON object a line
  --help         show this text

At the prompt: /new opens another chat, /stop or Ctrl-C stops an answer, /quit leaves.
Exit codes: 0 answered, 1 failed or refused, 2 wrong flags, 3 no server, 130 stopped with Ctrl-C.
`;

/** How long a stopped answer may take to say so before we leave anyway. */
const STOP_WITHIN_MS = 2_000;

const schema = z.object({
  as: emailFlag.default("alice@example.com"),
  groups: groupsFlag.optional(),
  thread: z.string().min(1, "Name a chat.").default("main"),
  url: z
    .url({ protocol: /^https?$/, error: "That is not an http address." })
    .transform((url) => new URL(url).origin)
    .optional(),
  data: dataFlag.default(DEFAULT_DATA),
  json: z.boolean().default(false),
  help: z.boolean().default(false),
  positionals: z.array(z.string()),
});

async function main(argv: readonly string[]): Promise<number> {
  const flags = readFlags(
    argv,
    {
      as: { type: "string" },
      groups: { type: "string" },
      thread: { type: "string" },
      url: { type: "string" },
      data: { type: "string" },
      json: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
    schema,
  );
  if (flags.help) {
    process.stdout.write(USAGE);
    return EXIT.ok;
  }
  const text = flags.positionals.join(" ").trim();
  if (flags.positionals.length > 0 && text === "") throw new UsageError("The text is empty.");
  if (flags.json && text === "") throw new UsageError("--json goes with a text.");

  const dir = openDataDir(flags.data);
  const origin = flags.url ?? originOf(dir);
  const token = await personToken(dir, { email: flags.as, groups: flags.groups, now: Date.now(), origin });
  const server = await openServer(origin, token);
  const render = flags.json ? renderJson(process.stdout) : renderText(process.stdout, process.stderr);
  return text === "" ? converse(server, flags.thread, render) : askOnce(server, flags.thread, text, render);
}

async function askOnce(server: ChatServer, thread: string, text: string, render: Render): Promise<number> {
  const session = openSession(server, thread);
  let interrupted = false;
  process.on("SIGINT", () => {
    if (interrupted || !session.cancel()) process.exit(EXIT.interrupted);
    interrupted = true;
    setTimeout(() => process.exit(EXIT.interrupted), STOP_WITHIN_MS).unref();
  });
  try {
    const outcome = await session.ask(text, render);
    return interrupted ? EXIT.interrupted : exitCodeOf(outcome);
  } finally {
    session.close();
  }
}

async function converse(server: ChatServer, first: string, render: Render): Promise<number> {
  let session = openSession(server, first);
  try {
    await runPrompt({
      input: process.stdin,
      output: process.stdout,
      handle: server.handle,
      thread: first,
      ask: (text) => session.ask(text, render),
      stop: () => session.cancel(),
      fresh: () => {
        session.close();
        const thread = `terminal-${Date.now().toString(36)}`;
        session = openSession(server, thread);
        return thread;
      },
    });
  } finally {
    session.close();
  }
  return EXIT.ok;
}

function openSession(server: ChatServer, thread: string): ChatSession {
  return new ChatSession({
    connect: () => server.connect(thread, randomUUID()),
    whyRefused: () => server.whyRefused(thread),
    id: randomUUID,
    elapsed: () => performance.now(),
    after: (ms, run) => {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
  });
}

const exitCodeOf = (outcome: Outcome): number => (outcome === "completed" ? EXIT.ok : EXIT.failed);

await runCommand(USAGE, () => main(process.argv.slice(2)));
