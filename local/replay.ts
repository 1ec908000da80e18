/** `npm run replay`: runs an exported journal again, and says where it would go another way today. */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { readExport } from "../src/actors/conversation/export.ts";
import { messageMarkdown } from "../src/actors/conversation/markdown.ts";
import { replay } from "../src/actors/conversation/replay.ts";
import { AppError } from "../src/errors.ts";
import { costMicros, dayOf, priceOf } from "../src/model/prices.ts";
import { CommandError, EXIT, readFlags, runCommand, UsageError } from "./lib/command.ts";
import { DEFAULT_DATA, dataFlag } from "./lib/flags.ts";
import { painter, printable } from "./lib/terminal.ts";
import { openGateway } from "./replay/gateway.ts";
import { comparedText, differencesText, remarksText, summaryText, verdictText } from "./replay/report.ts";
import { type Compared, type WhatIf, whatIf } from "./replay/what-if.ts";

const USAGE = `Usage: npm run replay -- FILE [--verify] [--json]
       npm run replay -- FILE --model NAME | --prompt FILE

Runs a journal again with the outcomes that it recorded: every decision is planned anew, every request to a model is
built anew, and the transcript is folded anew. Nothing is called. FILE is what this address gives for a chat:
  /api/agents/{handle}/threads/{thread}/journal

  --verify       end with exit code 1 if anything differs: the hash chain, a decision, the fingerprint of a request,
                 the transcript; and show what
  --json         print the result as JSON

With one of these, what if: the messages of the journal are asked once more, of a model. No tool runs: a call with the
name and the arguments of a recorded one gets the recorded result, another one is told that it was not made.

  --model NAME   ask this model (provider/model)
  --prompt FILE  with these instructions in place of the owner's
  --gateway URL  through this gateway (default: one of its own, with the providers of the data directory)
  --data DIR     the data directory (default ${DEFAULT_DATA})
  --help         show this text

Without a flag it prints the transcript as Markdown, and the counts.
`;

const schema = z.object({
  verify: z.boolean().default(false),
  json: z.boolean().default(false),
  model: z
    .string()
    .regex(/^[\w.@-]+(\/[\w.:@-]+)+$/, "A model is named provider/model.")
    .optional(),
  prompt: z.string().min(1, "Name a file.").optional(),
  gateway: z
    .url({ protocol: /^https?$/, error: "That is not an http address." })
    .transform((url) => url.replace(/\/$/, ""))
    .optional(),
  data: dataFlag.default(DEFAULT_DATA),
  help: z.boolean().default(false),
  positionals: z.array(z.string()),
});
type Flags = z.infer<typeof schema>;

async function main(argv: readonly string[]): Promise<number> {
  const flags = readFlags(
    argv,
    {
      verify: { type: "boolean" },
      json: { type: "boolean" },
      model: { type: "string" },
      prompt: { type: "string" },
      gateway: { type: "string" },
      data: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
    schema,
  );
  if (flags.help) {
    process.stdout.write(USAGE);
    return EXIT.ok;
  }
  const [file, ...rest] = flags.positionals;
  if (file === undefined) throw new UsageError("Name the file of a journal.");
  if (rest.length > 0) throw new UsageError(`Unexpected argument "${rest[0]}".`);
  if (flags.model !== undefined || flags.prompt !== undefined) {
    if (flags.verify) throw new UsageError("--verify calls no model: leave --model and --prompt out.");
    return compare(journalIn(file), flags);
  }
  if (flags.gateway !== undefined) throw new UsageError("--gateway is for --model and --prompt.");
  return verify(journalIn(file), flags);
}

function verify(journal: ReturnType<typeof journalIn>, flags: Flags): number {
  const result = replay(journal);
  if (flags.json) {
    process.stdout.write(`${JSON.stringify(result)}\n`);
  } else {
    const paint = painter(process.stdout);
    if (!flags.verify) process.stdout.write(printable(result.messages.map(messageMarkdown).join("\n")));
    process.stdout.write(differencesText(result, paint) + remarksText(result) + verdictText(result, paint));
  }
  return flags.verify && result.differences.length > 0 ? EXIT.failed : EXIT.ok;
}

async function compare(journal: ReturnType<typeof journalIn>, flags: Flags): Promise<number> {
  const change: WhatIf = {
    ...(flags.model !== undefined && { model: flags.model }),
    ...(flags.prompt !== undefined && { instructions: textOf(flags.prompt) }),
  };
  const gateway = await openGateway({
    data: flags.data,
    ...(flags.gateway !== undefined && { url: flags.gateway }),
  });
  const paint = painter(process.stdout);
  let count = 0;
  let all: Compared[];
  try {
    all = await whatIf(journal, change, {
      model: gateway.model,
      price: priceToday,
      now: () => Date.now(),
      random: () => Math.random(),
      after: (ms, run) => {
        const timer = setTimeout(run, ms);
        return () => clearTimeout(timer);
      },
      progress: (compared) => {
        if (!flags.json) process.stdout.write(comparedText(compared, ++count, paint));
      },
    });
  } finally {
    await gateway.close();
  }
  process.stdout.write(flags.json ? `${JSON.stringify(all)}\n` : summaryText(all, paint));
  return EXIT.ok;
}

/** Models on this machine cost nothing. */
function priceToday(model: string, usage: { inputTokens: number; outputTokens: number }): number | null {
  if (/^(demo|ollama)\b/.test(model)) return 0;
  const price = priceOf({}, model, dayOf(Date.now()));
  return price && costMicros(price, usage);
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

function journalIn(file: string) {
  const text = textOf(file);
  try {
    return readExport(text);
  } catch (error) {
    if (error instanceof AppError) throw new CommandError(`${file}: ${error.message}`);
    throw error;
  }
}

await runCommand(USAGE, () => main(process.argv.slice(2)));
