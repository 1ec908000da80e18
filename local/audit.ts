/** `npm run audit`: checks hash chains, of files or of a running server, and searches what happened. */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { AppError } from "../src/errors.ts";
import { changePageSchema } from "../src/protocol/log.ts";
import { type Checked, check } from "./lib/audit.ts";
import { CommandError, EXIT, readFlags, runCommand, UsageError } from "./lib/command.ts";
import { openDataDir } from "./lib/data-dir.ts";
import { DEFAULT_DATA, dataFlag, emailFlag } from "./lib/flags.ts";
import { painter, printable } from "./lib/terminal.ts";
import { originOf, personToken } from "./lib/token.ts";

const USAGE = `Usage: npm run audit -- verify FILE...
       npm run audit -- verify --as EMAIL [--agent HANDLE]
       npm run audit -- list --as EMAIL [--agent HANDLE] [--kind KIND] [--person NAME] [--thread NAME]

verify checks every hash of exported files (an agent's log, a chat's journal) or, without files, of an agent's log and
of all its chats as the running server gives them. What was erased is counted; what was changed is shown, with exit
code 1. list shows what was changed, newest first.

  --agent HANDLE  whose agent (default: your own)
  --kind KIND     only this kind of change: input, decide, undo, erase, settings-changed, ...
  --person NAME   only what this one did: an id, an e-mail, a tool
  --thread NAME   only this chat
  --from, --to    only since, or before: a date
  --limit N       how many (default 50)
  --json          print the result as JSON
  --as EMAIL      who asks, at a server on this machine
  --token TOKEN   a token instead, for any server; the environment variable HOLDFAST_TOKEN does the same
  --url URL       where Holdfast is (default: where the data directory was last served)
  --data DIR      the data directory (default ${DEFAULT_DATA})
  --help          show this text
`;

const word = z.string().min(1).max(200);
const schema = z.object({
  agent: word.optional(),
  kind: word.optional(),
  person: word.optional(),
  thread: word.optional(),
  from: word.optional(),
  to: word.optional(),
  limit: z
    .string()
    .regex(/^\d{1,3}$/, "A number up to 999.")
    .default("50"),
  json: z.boolean().default(false),
  as: emailFlag.optional(),
  token: word.max(10_000).optional(),
  url: z
    .url({ protocol: /^https?$/, error: "That is not an http address." })
    .transform((url) => new URL(url).origin)
    .optional(),
  data: dataFlag.default(DEFAULT_DATA),
  help: z.boolean().default(false),
  positionals: z.array(z.string()),
});
type Flags = z.infer<typeof schema>;

const TEXT_FLAGS = ["agent", "kind", "person", "thread", "from", "to", "limit", "as", "token", "url", "data"];
const me = z.object({ user: z.object({ handle: z.string() }) });
const threads = z.object({ threads: z.array(z.object({ id: z.string() })) });
const refusal = z.object({ error: z.object({ message: z.string() }) });
/** What the API gives at once. */
const PAGE = 100;

async function main(argv: readonly string[]): Promise<number> {
  const flags = readFlags(
    argv,
    {
      ...Object.fromEntries(TEXT_FLAGS.map((name) => [name, { type: "string" as const }])),
      json: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
    schema,
  );
  if (flags.help) {
    process.stdout.write(USAGE);
    return EXIT.ok;
  }
  const [command, ...files] = flags.positionals;
  if (command === "verify") return verify(files, flags);
  if (command === "list" && files.length === 0) return list(flags);
  throw new UsageError(
    command === undefined
      ? "Say what to do: verify or list."
      : `There is no "${flags.positionals.join(" ")}".`,
  );
}

async function verify(files: readonly string[], flags: Flags): Promise<number> {
  const checked: Checked[] = [];
  if (files.length > 0) for (const file of files) checked.push(checkedText(file, textOf(file)));
  else {
    const { agent, ask } = await serverOf(flags);
    checked.push(checkedText("the log", await (await ask(`/api/agents/${agent}/log.jsonl`)).text()));
    const listed = threads.parse(await (await ask(`/api/agents/${agent}/threads?limit=200`)).json());
    for (const { id } of listed.threads) {
      const journal = await ask(`/api/agents/${agent}/threads/${id}/journal`);
      checked.push(checkedText(id, await journal.text()));
    }
  }
  if (flags.json) process.stdout.write(`${JSON.stringify(checked)}\n`);
  else process.stdout.write(verdictText(checked));
  return checked.every(({ problems }) => problems.length === 0) ? EXIT.ok : EXIT.failed;
}

function verdictText(checked: readonly Checked[]): string {
  const paint = painter(process.stdout);
  const lines = checked.flatMap(({ of, name, entries, erased, problems }) => {
    const head = `${of} ${name}: ${entries} ${of === "log" ? "records" : "entries"}, ${erased} erased`;
    if (problems.length === 0) return [`${paint("green", "whole")}    ${printable(head)}`];
    return [
      `${paint("red", "changed")}  ${printable(head)}`,
      ...problems.map(({ seq, what }) => `         ${printable(`${seq}: ${what}`)}`),
    ];
  });
  const broken = checked.filter(({ problems }) => problems.length > 0).length;
  lines.push(
    broken === 0
      ? paint("green", `${checked.length} chains are whole.`)
      : paint("red", `${broken} of ${checked.length} chains do not hold.`),
  );
  return lines.map((line) => `${line}\n`).join("");
}

async function list(flags: Flags): Promise<number> {
  const { agent, ask } = await serverOf(flags);
  const wanted = Number(flags.limit);
  const query = new URLSearchParams();
  for (const name of ["kind", "person", "thread", "from", "to"] as const) {
    const value = flags[name];
    if (value !== undefined) query.set(name, value);
  }
  let shown = 0;
  for (let before: string | undefined = ""; before !== undefined && shown < wanted; ) {
    query.set("limit", String(Math.min(PAGE, wanted - shown)));
    if (before !== "") query.set("before", before);
    const page = changePageSchema.parse(await (await ask(`/api/agents/${agent}/log?${query}`)).json());
    for (const change of page.changes) {
      const who = change.byKind === "person" ? change.byName : `${change.byKind} ${change.byName}`;
      const where = change.thread === "" ? "" : ` in ${change.thread}`;
      const what =
        change.thread === "" && change.detail
          ? ` ${JSON.stringify({ ...change.detail, by: undefined })}`
          : "";
      const line = `${new Date(change.at).toISOString()}  ${change.kind}${where} #${change.seq}  ${who}${what}`;
      process.stdout.write(flags.json ? `${JSON.stringify(change)}\n` : `${printable(line)}\n`);
    }
    shown += page.changes.length;
    before = page.next;
  }
  return EXIT.ok;
}

interface Server {
  /** Whose agent, as it stands in an address. */
  agent: string;
  ask(path: string): Promise<Response>;
}

async function serverOf(flags: Flags): Promise<Server> {
  const token = flags.token ?? (process.env.HOLDFAST_TOKEN || undefined);
  if (flags.as === undefined && token === undefined)
    throw new UsageError("Say who asks: --as EMAIL, or a --token.");
  const dir = openDataDir(flags.data);
  const origin = flags.url ?? originOf(dir);
  const sent = token ?? (await personToken(dir, { email: flags.as ?? "", now: Date.now(), origin }));
  const ask = async (path: string): Promise<Response> => {
    const response = await fetch(origin + path, {
      headers: { "cf-access-token": sent },
      redirect: "error",
    }).catch((cause: unknown) => {
      throw new CommandError(
        `Holdfast does not answer at ${origin}. Start it, or name it with --url.`,
        EXIT.unreachable,
        {
          cause,
        },
      );
    });
    if (response.ok) return response;
    const said = refusal.safeParse(await response.json().catch(() => null));
    throw new CommandError(
      said.success ? said.data.error.message : `The server answered ${response.status}.`,
    );
  };
  const handle = flags.agent ?? me.parse(await (await ask("/api/me")).json()).user.handle;
  return { agent: encodeURIComponent(handle), ask };
}

function checkedText(name: string, text: string): Checked {
  try {
    return check(text);
  } catch (error) {
    if (error instanceof AppError) throw new CommandError(`${name}: ${error.message}`);
    throw error;
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new CommandError(
      `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

await runCommand(USAGE, () => main(process.argv.slice(2)));
