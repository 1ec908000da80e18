/** `npm run chat`: talks to a running Holdfast from the terminal. */
import { randomUUID } from "node:crypto";
import { performance } from "node:perf_hooks";
import { createInterface } from "node:readline/promises";
import { z } from "zod";
import { fork, listSchedules, search, showUsage, undo } from "./lib/chat/commands.ts";
import type { Asked, ChatEvent, Outcome } from "./lib/chat/events.ts";
import { isYes, openPrompt, questionAbout } from "./lib/chat/prompt.ts";
import { type Render, renderJson, renderText } from "./lib/chat/render.ts";
import { type ChatServer, openServer } from "./lib/chat/server.ts";
import { type Approve, ChatSession } from "./lib/chat/session.ts";
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
  --yes          approve every tool call that this run asks about
  --approve CALL approve a tool call that waits, and show what follows; --deny CALL refuses it
  --help         show this text

A tool call may need a person's approval. In a terminal you are asked; elsewhere the command says what waits and how to
decide, and ends with 4. At the prompt /help lists the commands; Ctrl-C stops an answer.
Exit codes: 0 answered, 1 failed or refused, 2 wrong flags, 3 no server, 4 waits for approval, 130 stopped with Ctrl-C.
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
  yes: z.boolean().default(false),
  approve: z.string().min(1, "Name a call.").optional(),
  deny: z.string().min(1, "Name a call.").optional(),
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
      yes: { type: "boolean" },
      approve: { type: "string" },
      deny: { type: "string" },
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
  const call = flags.approve ?? flags.deny;
  if (flags.approve !== undefined && flags.deny !== undefined)
    throw new UsageError("--approve and --deny do not go together.");
  if (call !== undefined && text !== "") throw new UsageError("A decision goes without a text.");
  if (flags.json && text === "" && call === undefined) throw new UsageError("--json goes with a text.");

  const dir = openDataDir(flags.data);
  const origin = flags.url ?? originOf(dir);
  const token = await personToken(dir, { email: flags.as, groups: flags.groups, now: Date.now(), origin });
  const server = await openServer(origin, token);
  const render = flags.json ? renderJson(process.stdout) : renderText(process.stdout, process.stderr);
  if (call === undefined && text === "") return converse(server, flags.thread, render, flags.yes);
  const waiting = new Map<string, Asked>();
  const watched: Render = (event) => {
    remember(waiting, event);
    render(event);
  };
  const interactive = process.stdin.isTTY && process.stderr.isTTY && !flags.json;
  const approve = flags.yes ? approveAll : interactive ? askHere : undefined;
  const options = approve ? { approve } : {};
  const code = await once(openSession(server, flags.thread), (session) =>
    call === undefined
      ? session.ask(text, watched, options)
      : session.decide(call, flags.approve !== undefined, watched, options),
  );
  if (code === EXIT.waiting && !flags.json) process.stderr.write(howToDecide([...waiting.keys()], flags));
  return code;
}

/** Which calls wait, by what was told of them. */
function remember(waiting: Map<string, Asked>, event: ChatEvent): void {
  if (event.event === "approval") waiting.set(event.id, event);
  else if (event.event === "result" || event.event === "tool-error") waiting.delete(event.id);
}

const approveAll: Approve = () => Promise.resolve(true);

/** Asks at the terminal, beside the answer that goes to the output. */
const askHere: Approve = async (call, signal) => {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  // Ctrl-C means the command, not the line.
  lines.on("SIGINT", () => process.emit("SIGINT"));
  const gone = new Promise<null>((resolve) => lines.once("close", () => resolve(null)));
  try {
    const said = await Promise.race([lines.question(questionAbout(call), { signal }), gone]);
    return said === null ? null : isYes(said);
  } catch (error) {
    if (signal.aborted) return null;
    throw error;
  } finally {
    lines.close();
  }
};

/** The commands that decide, with the flags that find the chat again. */
function howToDecide(
  calls: readonly string[],
  flags: { as: string; thread: string; url?: string | undefined; data: string },
): string {
  const where = [
    `--as ${flags.as}`,
    `--thread ${flags.thread}`,
    ...(flags.url ? [`--url ${flags.url}`] : []),
    ...(flags.data === DEFAULT_DATA ? [] : [`--data ${flags.data}`]),
  ].join(" ");
  const lines = calls.flatMap((call) => ["approve", "deny"].map((how) => `--${how} ${call}`));
  return `Decide with one of:\n${lines.map((line) => `  npm run chat -- ${where} ${line}\n`).join("")}`;
}

async function once(session: ChatSession, work: (session: ChatSession) => Promise<Outcome>): Promise<number> {
  let interrupted = false;
  process.on("SIGINT", () => {
    if (interrupted || !session.cancel()) process.exit(EXIT.interrupted);
    interrupted = true;
    setTimeout(() => process.exit(EXIT.interrupted), STOP_WITHIN_MS).unref();
  });
  try {
    const outcome = await work(session);
    return interrupted ? EXIT.interrupted : exitCodeOf(outcome);
  } finally {
    session.close();
  }
}

async function converse(server: ChatServer, first: string, render: Render, yes: boolean): Promise<number> {
  let thread = first;
  let session = openSession(server, thread);
  const goTo = (other: string): string => {
    session.close();
    thread = other;
    session = openSession(server, thread);
    return thread;
  };
  // Piped lines are questions, not decisions.
  const asks: Approve = (call, signal) => prompt.allow(call, signal);
  const approve = yes ? approveAll : process.stdin.isTTY ? asks : undefined;
  const prompt = openPrompt({
    input: process.stdin,
    output: process.stdout,
    handle: server.handle,
    thread: first,
    ask: (text, mode) => session.ask(text, render, { ...(mode && { mode }), ...(approve && { approve }) }),
    stop: () => session.cancel(),
    fresh: () => goTo(`terminal-${Date.now().toString(36)}`),
    fork: async () => goTo(await fork(server, thread)),
    undo: () => undo(server, thread),
    schedules: () => listSchedules(server),
    search: (words) => search(server, words),
    usage: () => showUsage(server),
  });
  try {
    await prompt.done;
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

function exitCodeOf(outcome: Outcome): number {
  if (outcome === "completed") return EXIT.ok;
  return outcome === "waiting" ? EXIT.waiting : EXIT.failed;
}

await runCommand(USAGE, () => main(process.argv.slice(2)));
