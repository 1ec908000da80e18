/** The interactive chat: a line asks, Ctrl-C stops the answer first and leaves second. */
import { createInterface } from "node:readline";
import type { Outcome } from "./events.ts";

const HELP = "/new opens another chat, /stop (or Ctrl-C) stops an answer, /quit leaves.";
/** Lines that the arrow keys bring back. */
const HISTORY = 500;

export interface PromptOptions {
  input: NodeJS.ReadStream;
  output: NodeJS.WriteStream;
  /** The person's handle, for the greeting. */
  handle: string;
  thread: string;
  /** Asks and renders the answer. Rejects when the chat is lost. */
  ask(text: string): Promise<Outcome>;
  /** Stops the answer; false when there is none. */
  stop(): boolean;
  /** Goes to a new chat and returns its name. */
  fresh(): string;
}

/** Runs until the person leaves. Lines that come while an answer is made wait for it, except for commands. */
export function runPrompt(options: PromptOptions): Promise<void> {
  const { input, output, ask, stop, fresh } = options;
  const lines = createInterface({ input, output, prompt: "› ", historySize: HISTORY });
  const waiting: string[] = [];
  let busy = false;

  return new Promise((resolve, reject) => {
    let ended = false;
    // The end of a piped input: what was asked is still answered.
    lines.on("close", () => {
      ended = true;
      if (!busy) resolve();
    });
    const leave = (): void => {
      busy = false;
      lines.close();
      resolve();
    };

    const next = (): void => {
      const text = waiting.shift();
      if (text === undefined) return ended ? resolve() : lines.prompt();
      busy = true;
      ask(text).then(
        () => {
          busy = false;
          next();
        },
        (error: unknown) => {
          reject(error);
          leave();
        },
      );
    };

    lines.on("line", (line) => {
      const text = line.trim();
      switch (text) {
        case "":
          break;
        case "/quit":
        case "/exit":
          return leave();
        case "/help":
          output.write(`${HELP}\n`);
          break;
        case "/stop":
          if (!stop()) output.write("There is no answer to stop.\n");
          break;
        case "/new":
          if (busy) output.write("An answer is still being made. Stop it first with /stop.\n");
          else output.write(`This is a new chat: ${fresh()}\n`);
          break;
        default:
          if (text.startsWith("/")) output.write(`There is no command ${text}. ${HELP}\n`);
          else waiting.push(text);
      }
      if (!busy) next();
    });

    lines.on("SIGINT", () => {
      waiting.length = 0;
      if (!stop()) leave();
    });

    output.write(`${options.handle} in ${options.thread}. ${HELP}\n`);
    next();
  });
}
