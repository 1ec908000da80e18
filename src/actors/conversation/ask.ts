/**
 * What comes over no socket. Messages are committed and that is all; of a program's question the answer is told besides,
 * line by line. Whoever asks may go away; the turn goes on.
 */
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { type AnswerReport, type AskEvent, type AskRequest, askRequestSchema } from "../../protocol/ask.ts";
import { forwardedFrom } from "../../protocol/forwarded.ts";
import type { Accepted, InboundMessage, Principal } from "../../protocol/rpc.ts";
import { senderOf } from "../../protocol/sender.ts";
import { Relay, reportOf } from "./ask-relay.ts";
import type { ReplyAddress, Sender } from "./entries.ts";
import { findTurn, type State, type Turn } from "./state.ts";
import type { LiveStream } from "./stream.ts";
import { type ChatRequest, inboundRequest, requireRoom, storedParts } from "./submit.ts";
import type { Watchers } from "./watchers.ts";

export interface AskHost {
  state(): State;
  live(): LiveStream | null;
  id(): string;
  submit(
    request: ChatRequest,
    sender: Sender,
    from: { source: string; burst?: boolean; reply?: ReplyAddress },
  ): Promise<Accepted>;
  cancel(turn: string, by: Sender): void;
  watchers: Watchers;
}

const SOURCE = "api";
/** Keys of inputs name the key that asked: another one neither sees the answer nor stands in its way. */
const keyOf = (principal: Principal, key: string): string => `${SOURCE}:${principal.of?.id ?? ""}:${key}`;

export class Asks {
  readonly #host: AskHost;

  constructor(host: AskHost) {
    this.#host = host;
  }

  /** Takes a message that came over no socket. Throws `queue_full`, `message_empty`. */
  async send(principal: Principal, message: InboundMessage): Promise<Accepted> {
    const key = `${message.source}:${message.key}`;
    const state = this.#host.state();
    const earlier = state.seen.get(key);
    if (earlier) return { turn: earlier, fresh: false };
    requireRoom(state);
    const request = inboundRequest(message, key, () => this.#host.id());
    const { source, burst, reply } = message;
    return this.#host.submit(request, senderOf(principal), {
      source,
      ...(burst && { burst }),
      ...(reply && { reply }),
    });
  }

  /** Throws `bad_request`, `answer_superseded`, `queue_full` and what submitting throws; then nothing was accepted. */
  async answer(request: Request): Promise<Response> {
    const { principal } = forwardedFrom(request.headers);
    const asked = askRequestSchema.parse(await request.json());
    const key = keyOf(principal, asked.key);
    const earlier = this.#host.state().seen.get(key);
    const { turn, fresh } = earlier
      ? { turn: earlier, fresh: false }
      : await this.#host.submit(this.#requestOf(asked, key), senderOf(principal), { source: SOURCE });
    const find = (): Turn | null => {
      const state = this.#host.state();
      return findTurn(state, state.seen.get(key) ?? turn);
    };
    return this.#tell(asked.tell, find, { turn, fresh });
  }

  /** How a turn stands that this key asked for; null for all others. */
  report(principal: Principal, id: string): AnswerReport | null {
    const turn = findTurn(this.#host.state(), id);
    return turn?.keys.some((key) => key.startsWith(keyOf(principal, ""))) ? reportOf(turn) : null;
  }

  /** Stops a turn that this key asked for. */
  cancel(principal: Principal, id: string): AnswerReport | null {
    if (this.report(principal, id)?.status.match(/^(?:running|waiting)$/))
      this.#host.cancel(id, senderOf(principal));
    return this.report(principal, id);
  }

  #requestOf(asked: AskRequest, key: string): ChatRequest {
    const state = this.#host.state();
    const { after, history, instructions, maxOutputTokens } = asked;
    const newest = newestTurn(state);
    if (after !== null && newest?.id !== after) {
      throw new AppError(
        "answer_superseded",
        "Something else was said in this chat since. Go on from its newest response, or name the chat itself.",
      );
    }
    if (history.length > 0 && newest !== null)
      throw new AppError("bad_request", "A chat that has begun takes no history: it has its own.");
    requireRoom(state);
    return {
      type: "new",
      request: `q_${this.#host.id()}`,
      keys: [key],
      messages: [{ id: `m_${this.#host.id()}`, parts: storedParts(asked.parts) }],
      ...(history.length > 0 && {
        history: history.map(({ role, parts }) => ({ role, parts: storedParts(parts) })),
      }),
      ...(instructions !== "" && { instructions }),
      ...(maxOutputTokens !== null && { maxOutputTokens }),
    };
  }

  #tell(tell: AskRequest["tell"], find: () => Turn | null, { turn, fresh }: Accepted): Response {
    const { watchers, live } = this.#host;
    let stop = (): void => {};
    const body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          const line = lineTo(controller, () => stop());
          line.push({ type: "accepted", turn, at: find()?.acceptedAt ?? 0, fresh });
          const found = find();
          if (tell === "accept" && found) {
            line.push({ type: "done", report: reportOf(found) });
            return line.close();
          }
          const relay = new Relay({ ...line, turn: find, live, whole: tell === "whole" });
          stop = () => watchers.delete(relay);
          watchers.add(relay);
          relay.start();
        },
        cancel: () => stop(),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: limits.askBufferBytes }),
    );
    return new Response(body, { headers: { "content-type": "application/x-ndjson" } });
  }
}

/** One JSON value a line. A reader that lets too much pile up is cut off, so that it does not hold our memory. */
function lineTo(
  controller: ReadableStreamDefaultController<Uint8Array>,
  stop: () => void,
): { push(event: AskEvent): void; close(): void } {
  const encoder = new TextEncoder();
  let open = true;
  return {
    push(event) {
      if (!open) return;
      controller.enqueue(encoder.encode(`${JSON.stringify(event)}\n`));
      if ((controller.desiredSize ?? 0) > 0) return;
      open = false;
      controller.error(new Error("The reader is too slow."));
      stop();
    },
    close() {
      stop();
      if (open) controller.close();
      open = false;
    },
  };
}

/** The turn that would be answered last. */
function newestTurn(state: State): Turn | null {
  const waiting = state.waiting.findLast((turn) => turn.outcome === null);
  if (waiting ?? state.active) return waiting ?? state.active;
  for (let i = state.items.length - 1; i >= 0; i--) {
    const item = state.items.at(i);
    if (item?.type === "turn") return item.turn;
  }
  return null;
}
