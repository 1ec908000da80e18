/** A response as OpenAI's API shows it. */

import { isProgramThread } from "../../names.ts";
import type { AnswerReport } from "../../protocol/ask.ts";
import { waitingText } from "./ask.ts";
import type { KeyedCall } from "./call.ts";

/** What was asked for, as the answer repeats it. It is not kept: a response that is read later has the defaults. */
export interface Given {
  model: string;
  stored: boolean;
  background: boolean;
  instructions: string | null;
  metadata: Record<string, string>;
  maxOutputTokens: number | null;
  previous: string | null;
}

export const responseId = (thread: string, turn: string): string => `resp_${thread}_${turn}`;
export const messageItemId = (turn: string): string => `msg_${turn}`;
export const reasoningItemId = (turn: string): string => `rs_${turn}`;

const INCOMPLETE = { length: "max_output_tokens", filter: "content_filter" } as const;

/** `output`: what was streamed; else it is made from the report. */
export function responseOf(
  call: KeyedCall,
  given: Given,
  thread: string,
  report: AnswerReport,
  output: object[] = outputOf(call, thread, report),
) {
  const { inputTokens, outputTokens, cachedInputTokens = 0 } = report.usage;
  const status = statusOf(report);
  const incomplete = report.finish === "stop" || status !== "incomplete" ? null : INCOMPLETE[report.finish];
  const failed = report.status === "failed";
  return {
    id: responseId(thread, report.turn),
    object: "response",
    created_at: Math.floor(report.at / 1000),
    status,
    background: given.background,
    error: failed ? { code: "server_error", message: report.error?.message ?? "The answer failed." } : null,
    incomplete_details: incomplete === null ? null : { reason: incomplete },
    instructions: given.instructions,
    max_output_tokens: given.maxOutputTokens,
    model: given.model,
    output,
    parallel_tool_calls: true,
    previous_response_id: given.previous,
    conversation: isProgramThread(thread) ? null : { id: thread },
    reasoning: { effort: null, summary: null },
    store: given.stored,
    temperature: null,
    text: { format: { type: "text" } },
    tool_choice: "auto",
    tools: [],
    top_p: null,
    truncation: "auto",
    metadata: given.metadata,
    usage:
      status === "in_progress"
        ? null
        : {
            input_tokens: inputTokens,
            input_tokens_details: { cached_tokens: cachedInputTokens },
            output_tokens: outputTokens,
            output_tokens_details: { reasoning_tokens: 0 },
            total_tokens: inputTokens + outputTokens,
          },
  };
}

function statusOf({ status, finish }: AnswerReport): string {
  if (status === "running") return "in_progress";
  // Of a turn that waits for a person this is all that whoever asked is told now; it can be read again later.
  if (status === "waiting") return "completed";
  return status === "completed" && finish !== "stop" ? "incomplete" : status;
}

export const textPart = (text: string) => ({ type: "output_text", text, annotations: [], logprobs: [] });

export const messageItem = (turn: string, status: string, content: object[]) => ({
  id: messageItemId(turn),
  type: "message",
  status,
  role: "assistant",
  content,
});

export const reasoningItem = (turn: string, text: string | null) => ({
  id: reasoningItemId(turn),
  type: "reasoning",
  summary: [],
  content: text === null ? [] : [{ type: "reasoning_text", text }],
});

function outputOf(call: KeyedCall, thread: string, report: AnswerReport): object[] {
  const { turn, reasoning } = report;
  const text = [report.text, waitingText(call, thread, report)].filter((part) => part !== "").join("\n\n");
  const output: object[] = reasoning === "" ? [] : [reasoningItem(turn, reasoning)];
  if (text !== "") output.push(messageItem(turn, itemStatus(report), [textPart(text)]));
  return output;
}

export const itemStatus = (report: AnswerReport): string => {
  const status = statusOf(report);
  return status === "completed" || status === "in_progress" ? status : "incomplete";
};
