/** The terminal's chat session against a server that the test plays. */
import type { ChatEvent } from "../../local/lib/chat/events.ts";
import { ChatSession, type Socket } from "../../local/lib/chat/session.ts";
import type { CommandError } from "../../local/lib/command.ts";

/** A server's end of one connection, played by the test. */
export class FakeSocket implements Socket {
  onopen: Socket["onopen"] = null;
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;
  onerror: Socket["onerror"] = null;
  readonly sent: { type: string; id?: string; after?: number; init?: { body: string } }[] = [];
  closedWith: number | undefined;
  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }
  close(code?: number): void {
    this.closedWith = code;
  }
  open(): void {
    this.onopen?.();
  }
  say(frame: unknown): void {
    this.onmessage?.({ data: typeof frame === "string" ? frame : JSON.stringify(frame) });
  }
  drop(code = 1006): void {
    this.onclose?.({ code });
  }
}

/** A session on fake sockets, with a clock and timers that the test runs. */
export function setUp(whyRefused: () => Promise<CommandError | null> = async () => null) {
  const sockets: FakeSocket[] = [];
  const timers: { ms: number; run: () => void }[] = [];
  const clock = { now: 0 };
  const events: ChatEvent[] = [];
  let ids = 0;
  const session = new ChatSession({
    connect: () => {
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket;
    },
    whyRefused,
    id: () => `id${++ids}`,
    elapsed: () => clock.now,
    after: (ms, run) => {
      const timer = { ms, run };
      timers.push(timer);
      return () => void timers.splice(timers.indexOf(timer), 1);
    },
  });
  const socket = (i: number): FakeSocket => {
    const found = sockets.at(i);
    if (!found) throw new Error(`There is no socket ${i}.`);
    return found;
  };
  /** Lets promises settle, then runs the one timer that waits. */
  const wait = async (): Promise<number> => {
    await new Promise(setImmediate);
    const timer = timers.shift();
    if (!timer) throw new Error("Nothing waits.");
    clock.now += timer.ms;
    timer.run();
    return timer.ms;
  };
  return {
    session,
    sockets,
    socket,
    timers,
    wait,
    events,
    emit: (event: ChatEvent) => void events.push(event),
  };
}

export const chunk = (id: string, seq: number, body: unknown, more = {}) => ({
  type: "cf_agent_use_chat_response",
  id,
  body: JSON.stringify(body),
  done: false,
  seq,
  ...more,
});
export const end = (id: string, more = {}) => ({
  type: "cf_agent_use_chat_response",
  id,
  body: "",
  done: true,
  ...more,
});
export const textOf = (events: ChatEvent[]) =>
  events.map((event) => (event.event === "text" ? event.delta : "")).join("");
