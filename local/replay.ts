/** `npm run replay`: runs an exported journal again, offline, and says where it would go another way today. */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { readExport } from "../src/actors/conversation/export.ts";
import { type Difference, replay } from "../src/actors/conversation/replay.ts";
import { AppError } from "../src/errors.ts";
import type { ChatMessage } from "../src/protocol/message.ts";
import { CommandError, EXIT, readFlags, runCommand, UsageError } from "./lib/command.ts";
import { painter, printable } from "./lib/terminal.ts";

const USAGE = `Usage: npm run replay -- FILE [--verify] [--json]

Runs a journal again with the outcomes that it recorded: every decision is planned anew, every request to a model is
built anew, and the transcript is folded anew. Nothing is called. FILE is what this address gives for a chat:
  /api/agents/{handle}/threads/{thread}/journal

  --verify       end with exit code 1 if anything differs: the hash chain, a decision, the fingerprint of a request,
                 the transcript
  --json         print the result as JSON
  --help         show this text

Without a flag it prints the transcript as Markdown, and the counts.
`;

/** Characters of each side of a difference that are shown. */
const SHOWN_CHARS = 300;

const schema = z.object({
  verify: z.boolean().default(false),
  json: z.boolean().default(false),
  help: z.boolean().default(false),
  positionals: z.array(z.string()),
});

async function main(argv: readonly string[]): Promise<number> {
  const flags = readFlags(
    argv,
    { verify: { type: "boolean" }, json: { type: "boolean" }, help: { type: "boolean", short: "h" } },
    schema,
  );
  if (flags.help) {
    process.stdout.write(USAGE);
    return EXIT.ok;
  }
  const [file, ...rest] = flags.positionals;
  if (file === undefined) throw new UsageError("Name the file of a journal.");
  if (rest.length > 0) throw new UsageError(`Unexpected argument "${rest[0]}".`);
  const result = replay(journalIn(file));
  if (flags.json) {
    process.stdout.write(`${JSON.stringify(result)}\n`);
  } else {
    if (!flags.verify) process.stdout.write(result.messages.map(asMarkdown).join("\n"));
    const paint = painter(process.stdout);
    for (const difference of result.differences) process.stdout.write(paint("red", asText(difference)));
    const verdict =
      result.differences.length === 0
        ? paint("green", "the same transcript and the same requests")
        : paint("red", `${result.differences.length} differences`);
    process.stdout.write(
      `${result.entries} entries, ${result.decisions} decisions, ${result.calls} requests, ` +
        `${result.messages.length} messages: ${verdict}\n`,
    );
  }
  return flags.verify && result.differences.length > 0 ? EXIT.failed : EXIT.ok;
}

function journalIn(file: string) {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new CommandError(
      `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  try {
    return readExport(text);
  } catch (error) {
    if (error instanceof AppError) throw new CommandError(`${file}: ${error.message}`);
    throw error;
  }
}

function asMarkdown(message: ChatMessage): string {
  const parts = message.parts.flatMap((part) => {
    if (part.type === "text") return [part.text];
    if (part.type === "file") return [`[${part.filename ?? part.url}]`];
    if (part.type.startsWith("tool-") && "state" in part)
      return [`\`${part.type.slice(5)}\` (${part.state})`];
    return [];
  });
  const outcome = message.metadata?.error ? `\n\n*${message.metadata.error.message}*` : "";
  return printable(`**${message.role === "user" ? "User" : "Agent"}**\n\n${parts.join("\n\n")}${outcome}\n`);
}

function asText({ seq, what, written, replayed }: Difference): string {
  const where = seq > 0 ? `entry ${seq}` : "the file";
  const side = (text: string) => printable(text.slice(0, SHOWN_CHARS));
  return `${where}: ${what}\n  - ${side(written)}\n  + ${side(replayed)}\n`;
}

await runCommand(USAGE, () => main(process.argv.slice(2)));
