/** A conversation as a Markdown document for people. Pure. */
import { limits } from "../../limits.ts";
import type { ChatMessage, ChatPart } from "../../protocol/message.ts";
import { code, fenced, html, inline, quoted } from "./markdown-text.ts";
import type { State } from "./state.ts";
import { eachMessage } from "./walk.ts";

/** A document is sent in pieces of about this many characters. */
const PIECE_CHARS = 64 * 1024;

/** The document as a stream, of the conversation as it is now: what comes while it is sent is not in it. */
export function markdownStream(conversation: string, state: State): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const pieces = markdownOf(conversation, state);
  return new ReadableStream({
    pull(controller) {
      let text = "";
      while (text.length < PIECE_CHARS) {
        const next = pieces.next();
        if (next.done) {
          if (text) controller.enqueue(encoder.encode(text));
          return controller.close();
        }
        text += next.value;
      }
      controller.enqueue(encoder.encode(text));
    },
  });
}

/** The document, message by message. */
export function* markdownOf(conversation: string, state: State): Generator<string> {
  const thread = conversation.slice(conversation.indexOf(".") + 1);
  yield `# Chat ${code(thread)}\n\nConversation ${code(conversation)}, as of ${timeOf(state.at)}.\n`;
  let answers = 0;
  let micros = 0;
  let input = 0;
  let output = 0;
  for (const message of eachMessage(state)) {
    const { usage, priceMicros } = message.metadata ?? {};
    if (message.role === "assistant") answers++;
    micros += priceMicros ?? 0;
    input += usage?.inputTokens ?? 0;
    output += usage?.outputTokens ?? 0;
    yield `\n${messageMarkdown(message)}`;
  }
  const cost = micros > 0 ? `, ${dollars(micros)}` : "";
  yield `\n---\n\n${counted(answers, "answer")}, ${tokens(input, output)}${cost}.\n`;
}

/** One message: who, when, what was said, and how it ended. */
export function messageMarkdown(message: ChatMessage): string {
  const { createdAt, sender, source, waiting } = message.metadata ?? {};
  const who = message.role === "user" ? inline(sender?.name || "User") : "Agent";
  const heading = [
    who,
    ...(createdAt === undefined ? [] : [timeOf(createdAt)]),
    ...(source ? [`by ${inline(source)}`] : []),
    ...(waiting ? [waiting === "queued" ? "waits for its turn" : "not read yet"] : []),
  ];
  const blocks = [
    `### ${heading.join(" · ")}`,
    ...message.parts.flatMap(partMarkdown),
    ...endMarkdown(message),
  ];
  return `${blocks.join("\n\n")}\n`;
}

function endMarkdown(message: ChatMessage): string[] {
  const { outcome, error, model, usage, priceMicros } = message.metadata ?? {};
  const blocks: string[] = [];
  if (outcome === "failed") blocks.push(`**Failed:** ${inline(error?.message ?? "for an unknown reason")}`);
  if (outcome === "cancelled") blocks.push("*Stopped.*");
  if (message.role === "assistant" && outcome === undefined) blocks.push("*Not finished.*");
  const facts = [
    ...(model ? [code(model)] : []),
    ...(usage ? [tokens(usage.inputTokens, usage.outputTokens)] : []),
    ...(priceMicros ? [dollars(priceMicros)] : []),
  ];
  if (facts.length > 0) blocks.push(facts.join(" · "));
  return blocks;
}

function partMarkdown(part: ChatPart): string[] {
  if (part.type === "text") return part.text.trim() === "" ? [] : [quoted(part.text)];
  if (part.type === "reasoning") return [details("Reasoning", quoted(part.text))];
  if (part.type === "file") {
    return [`Attached: ${code(part.filename || fileName(part.url))} (${inline(part.mediaType)})`];
  }
  if (part.type === "data-joined") return ["*Here the agent read what was sent while it worked.*"];
  return part.type.startsWith("tool-") && "toolCallId" in part ? [toolMarkdown(part)] : [];
}

/** A data URL is the file itself: nobody wants to read that. */
const fileName = (url: string): string => (url.startsWith("data:") ? "file" : url.replace(/^workspace:/, ""));

const STATES: Readonly<Record<string, string>> = {
  "input-streaming": "not finished",
  "input-available": "not finished",
  "approval-requested": "waits for an approval",
  "approval-responded": "decided, not finished",
  "output-available": "done",
  "output-error": "failed",
  "output-denied": "not allowed",
};

function toolMarkdown(part: Extract<ChatPart, { toolCallId: string }>): string {
  const blocks = [`Arguments:\n\n${json("input" in part ? part.input : undefined)}`];
  if (part.state === "output-available") blocks.push(`Result:\n\n${json(part.output)}`);
  if (part.state === "output-error") blocks.push(`Error:\n\n${fenced(part.errorText ?? "")}`);
  if (part.state === "output-denied" && part.approval?.reason) {
    blocks.push(`Reason:\n\n${fenced(part.approval.reason)}`);
  }
  const summary = `Tool <code>${html(part.type.slice("tool-".length))}</code>: ${STATES[part.state] ?? html(part.state)}`;
  return details(summary, blocks.join("\n\n"));
}

/** A block that is folded. The empty lines make Markdown of what is inside. */
const details = (summary: string, body: string): string =>
  `<details>\n<summary>${summary}</summary>\n\n${body}\n\n</details>`;

function json(value: unknown): string {
  const text = (typeof value === "string" ? value : JSON.stringify(value, null, 2)) ?? "";
  const rest = text.length - limits.markdownToolChars;
  if (rest <= 0) return fenced(text, typeof value === "string" ? "" : "json");
  const head = fenced(text.slice(0, limits.markdownToolChars));
  return `${head}\n\n(${rest.toLocaleString("en-US")} more characters are in the journal.)`;
}

const tokens = (input: number, output: number): string =>
  `${input.toLocaleString("en-US")} tokens in, ${output.toLocaleString("en-US")} out`;

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

/** Cents at least, and as many digits more as there are. */
const dollars = (micros: number): string =>
  `$${(micros / 1_000_000).toFixed(6).replace(/(\.\d\d\d*?)0+$/, "$1")}`;

/** `2026-11-23 18:40:05 UTC`. */
function timeOf(at: number): string {
  const time = new Date(at);
  return Number.isNaN(time.getTime())
    ? "an unknown time"
    : `${time.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
