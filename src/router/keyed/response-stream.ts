/**
 * A response as it comes, in the order that OpenAI documents: created, in progress, then each item with its parts opened,
 * filled and closed, then how it ended. https://platform.openai.com/docs/api-reference/responses-streaming.
 */
import type { AnswerReport } from "../../protocol/ask.ts";
import { appErrorOf } from "../respond.ts";
import { type Asked, waitingText } from "./ask.ts";
import type { KeyedCall } from "./call.ts";
import { openaiError } from "./errors.ts";
import {
  type Given,
  itemStatus,
  messageItem,
  messageItemId,
  reasoningItem,
  reasoningItemId,
  responseOf,
  textPart,
} from "./response-object.ts";
import { sseEvent } from "./sse.ts";

export async function* responseEvents(
  call: KeyedCall,
  given: Given,
  asked: Asked,
): AsyncGenerator<string, undefined> {
  const { thread, turn, at } = asked;
  const numbered = counter();
  const items = new Items(turn, numbered);
  const usage = { inputTokens: 0, outputTokens: 0 };
  const begun: AnswerReport = {
    ...{
      turn,
      at,
      status: "running",
      text: "",
      reasoning: "",
      usage,
      finish: "stop",
      error: null,
      waits: [],
    },
  };
  yield numbered("response.created", { response: responseOf(call, given, thread, begun) });
  yield numbered("response.in_progress", { response: responseOf(call, given, thread, begun) });
  try {
    for await (const event of asked.events) {
      if (event.type === "reasoning") yield* items.reasoning(event.delta);
      if (event.type === "text") yield* items.text(event.delta);
      if (event.type !== "done") continue;
      const { report } = event;
      const waiting = waitingText(call, thread, report);
      if (waiting !== "") yield* items.text(report.text === "" ? waiting : `\n\n${waiting}`);
      yield* items.close(itemStatus(report));
      const response = responseOf(call, given, thread, report, items.output);
      yield numbered(ENDS[response.status] ?? "response.incomplete", { response });
    }
  } catch (error) {
    const { code, message } = openaiError(appErrorOf(error));
    yield numbered("error", { code, message, param: null });
  }
}

const ENDS: Readonly<Record<string, string>> = {
  completed: "response.completed",
  failed: "response.failed",
};

type Numbered = (type: string, event: object) => string;

function counter(): Numbered {
  let sequence_number = 0;
  return (type, event) => sseEvent({ type, sequence_number: sequence_number++, ...event }, type);
}

/** The items of one response: what was thought, if it is shown and comes first, and the message. */
class Items {
  readonly output: object[] = [];
  readonly #turn: string;
  readonly #numbered: Numbered;
  #open: "reasoning" | "text" | null = null;
  #reasoning = "";
  #text = "";
  #said = false;

  constructor(turn: string, numbered: Numbered) {
    this.#turn = turn;
    this.#numbered = numbered;
  }

  /** Thoughts behind the first words of the message are left out: its item is open, and items do not nest. */
  *reasoning(delta: string): Generator<string> {
    if (this.#said) return;
    const at = { item_id: reasoningItemId(this.#turn), output_index: 0, content_index: 0 };
    if (this.#open === null) {
      this.#open = "reasoning";
      yield this.#numbered("response.output_item.added", {
        output_index: 0,
        item: reasoningItem(this.#turn, null),
      });
      yield this.#numbered("response.content_part.added", {
        ...at,
        part: { type: "reasoning_text", text: "" },
      });
    }
    this.#reasoning += delta;
    yield this.#numbered("response.reasoning_text.delta", { ...at, delta });
  }

  *text(delta: string): Generator<string> {
    if (this.#open === "reasoning") yield* this.#closeReasoning();
    const output_index = this.output.length;
    const at = { item_id: messageItemId(this.#turn), output_index, content_index: 0 };
    if (this.#open === null) {
      this.#open = "text";
      this.#said = true;
      const item = messageItem(this.#turn, "in_progress", []);
      yield this.#numbered("response.output_item.added", { output_index, item });
      yield this.#numbered("response.content_part.added", { ...at, part: textPart("") });
    }
    this.#text += delta;
    yield this.#numbered("response.output_text.delta", { ...at, delta, logprobs: [] });
  }

  *close(status: string): Generator<string> {
    if (this.#open === "reasoning") yield* this.#closeReasoning();
    if (this.#open !== "text") return;
    this.#open = null;
    const output_index = this.output.length;
    const at = { item_id: messageItemId(this.#turn), output_index, content_index: 0 };
    const part = textPart(this.#text);
    const item = messageItem(this.#turn, status, [part]);
    yield this.#numbered("response.output_text.done", { ...at, text: this.#text, logprobs: [] });
    yield this.#numbered("response.content_part.done", { ...at, part });
    yield this.#numbered("response.output_item.done", { output_index, item });
    this.output.push(item);
  }

  *#closeReasoning(): Generator<string> {
    this.#open = null;
    const text = this.#reasoning;
    const at = { item_id: reasoningItemId(this.#turn), output_index: 0, content_index: 0 };
    const item = reasoningItem(this.#turn, text);
    yield this.#numbered("response.reasoning_text.done", { ...at, text });
    yield this.#numbered("response.content_part.done", { ...at, part: { type: "reasoning_text", text } });
    yield this.#numbered("response.output_item.done", { output_index: 0, item });
    this.output.push(item);
  }
}
