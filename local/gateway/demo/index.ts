/**
 * The demo model. It has no clock, no randomness and no memory: from the conversation it was sent it derives the
 * steps of the newest request, counts the results that came back since, and does the next step or reports.
 */
import type { Message, Part } from "../wire/call.ts";
import { NOTE, talk } from "./chat.ts";
import { type Done, report } from "./report.ts";
import { beforeOf, type Cut, cutAtRequest } from "./request.ts";
import { type Outcome, outcomeOf } from "./results.ts";
import { describe, inputOf, isLook, type Step } from "./steps.ts";
import { understand } from "./understand.ts";

/** Looks that run side by side in one round. */
const PARALLEL_LOOKS = 5;

export interface DemoRequest {
  system: string;
  messages: Message[];
  /** Names of the offered tools. Others are never called. */
  tools: string[];
}

export type DemoPart =
  | { type: "text"; text: string }
  | { type: "tool"; name: string; input: Record<string, unknown> };

/** The next answer in a conversation: text, tool calls, or both. */
export function answer(request: DemoRequest): DemoPart[] {
  const { messages, tools } = request;
  const cut = cutAtRequest(messages);
  const { steps, question } = understand(cut.said, beforeOf(cut));
  if (steps.length === 0) return [text(conversational(request, question, cut))];

  const { done, left, halted, reason } = progress(steps, cut.since);
  const next = halted ? [] : nextBatch(left, tools);
  if (next.length > 0) {
    const calls = next.map((step): DemoPart => {
      const source =
        step.tool === "write" && "source" in step ? sourceText(done[step.source]?.outcome) : null;
      return { type: "tool", name: step.tool, input: inputOf(step, source) };
    });
    return done.length === 0 ? [text(`I will ${planned(steps)}.`), ...calls] : calls;
  }
  const withheld = !halted && left[0] ? `The \`${left[0].tool}\` tool is not offered in this round.` : reason;
  const parts = [report(done, left, withheld)];
  return [text(withNote(parts, request, cut))];
}

const text = (value: string): DemoPart => ({ type: "text", text: value });

/** Which steps are done, and whether one of them stands in the way of the rest; `reason` says more if need be. */
interface Progress {
  done: Done[];
  left: Step[];
  halted: boolean;
  reason: string;
}

function progress(steps: Step[], since: Part[]): Progress {
  const results = new Map(
    since.flatMap((part) => (part.type === "result" ? [[part.id, part] as const] : [])),
  );
  const calls = since.flatMap((part) => (part.type === "call" ? [part] : []));
  const done: Done[] = [];
  let halted = false;
  let reason = "";
  for (const [i, step] of steps.entries()) {
    const call = calls[i];
    const result = call ? results.get(call.id) : undefined;
    if (!call || !result) break;
    if (call.name !== step.tool) {
      // Somebody else wrote a part of this conversation; its results are not the ones that were planned for.
      halted = true;
      reason = "The conversation went another way than I had planned.";
      break;
    }
    const outcome = outcomeOf(step.tool, result.text, result.failed);
    done.push({ step, outcome });
    const following = steps[i + 1];
    const needed =
      following?.tool === "write" && "source" in following && following.source === i ? following : null;
    if (!outcome.ok && !(needed?.append !== undefined && outcome.missing)) halted = true;
    if (needed && outcome.ok && (outcome.tool !== "read" || outcome.value.truncated === true)) {
      halted = true;
      reason = "The file is too long to be read at once, and writing it back would lose the rest.";
    }
  }
  // Looks that ran side by side do not depend on each other: all of their results are told.
  return { done: halted ? done : withoutExpected(done), left: steps.slice(done.length), halted, reason };
}

/** A missing file before a line is added to it is no failure: the file is made. The report leaves it out. */
function withoutExpected(done: Done[]): Done[] {
  return done.map(({ step, outcome }): Done => {
    if (outcome.ok || step.tool !== "read" || step.silent !== true) return { step, outcome };
    return { step, outcome: { tool: "other", ok: true, text: "" } };
  });
}

function sourceText(outcome: Outcome | undefined): string | null {
  return outcome?.ok && outcome.tool === "read" ? outcome.value.text : null;
}

/** The next step, or several looks at once. Only what is offered. */
function nextBatch(left: Step[], tools: string[]): Step[] {
  const batch: Step[] = [];
  for (const step of left) {
    if (!tools.includes(step.tool) || batch.length >= PARALLEL_LOOKS || (batch.length > 0 && !isLook(step)))
      break;
    batch.push(step);
    if (!isLook(step)) break;
  }
  return batch;
}

/** "write `a.txt`, then read `a.txt`" */
function planned(steps: Step[]): string {
  const visible = steps.filter((step) => !(step.tool === "read" && step.silent === true)).map(describe);
  const named = visible.slice(0, 4).join(", then ");
  return visible.length > 4 ? `${named}, and so on` : named;
}

function conversational(request: DemoRequest, question: string, cut: Cut): string {
  if (question !== "") return withNote([question], request, cut);
  // Nothing was said beside the attachment: it is acknowledged, and that is all.
  if (cut.said.trim() === "" && cut.files.length > 0) return withNote([], request, cut);
  const { text: answered, exact, explains } = talk(cut.said, request.system, request.tools.length > 0);
  return exact ? answered : withNote([answered], request, cut, explains);
}

/** Adds a word on attachments, and what belongs to the first answer of a conversation. */
function withNote(parts: string[], request: DemoRequest, cut: Cut, explains = false): string {
  const all = cut.files.length > 0 ? [attachmentText(cut), ...parts] : [...parts];
  const told = request.messages.some(
    ({ role, parts: said }) =>
      role === "assistant" && said.some((part) => part.type === "text" && part.text.includes("demo model")),
  );
  if (!told && !explains) all.push(NOTE);
  return all.join("\n\n");
}

function attachmentText({ files }: Cut): string {
  const names = files.map(({ name }) => `\`${name}\``).join(", ");
  const readable = files.some(({ path }) => path !== null);
  const hint = readable ? "“Read it” shows me its text." : "As a demo I see its name and cannot look inside.";
  return `You attached ${names}. ${hint}`;
}
