/** The interactive chat: a line asks, Ctrl-C stops the answer first and leaves second. */
import { createInterface } from "node:readline";
import { CommandError } from "../command.ts";
import type { Asked, Outcome } from "./events.ts";
import { callLine } from "./render.ts";

const HELP = `/new opens another chat, /fork goes on in a copy of this one, /undo takes back the last exchange.
While an answer is made: /queue TEXT asks next, /steer TEXT joins it, /stop or Ctrl-C stops it.
/schedules lists what comes, /search WORDS looks through all chats, /usage shows what was spent, /quit leaves.`;
/** Lines that the arrow keys bring back. */
const HISTORY = 500;

export interface PromptOptions {
  input: NodeJS.ReadStream;
  output: NodeJS.WriteStream;
  /** The person's handle, for the greeting. */
  handle: string;
  thread: string;
  /** Asks and renders the answer. Rejects when the chat is lost. `steer` joins the running answer. */
  ask(text: string, mode?: "steer"): Promise<Outcome>;
  /** Stops the answer; false when there is none. */
  stop(): boolean;
  /** Goes to a new chat and returns its name. */
  fresh(): string;
  /** Goes on in a copy of the chat and returns its name. */
  fork(): Promise<string>;
  /** What the other commands say. */
  undo(): Promise<string>;
  schedules(): Promise<string>;
  search(words: string): Promise<string>;
  usage(): Promise<string>;
}

export interface Prompt {
  /** Runs until the person leaves. */
  done: Promise<void>;
  /** Asks whether a call may be made. Null when there is nobody to say so. */
  allow(call: Asked, signal: AbortSignal): Promise<boolean | null>;
}

/** What a person means who was asked whether a call may be made: only a clear yes is one. */
export const isYes = (answer: string): boolean => /^y(es)?$/i.test(answer.trim());
export const questionAbout = (call: Asked): string => `Allow ${callLine(call)}? [y/N] `;

/** Lines that come while an answer is made wait for it, except for commands. */
export function openPrompt(options: PromptOptions): Prompt {
  const { input, output, ask, stop, fresh } = options;
  const lines = createInterface({ input, output, prompt: "› ", historySize: HISTORY });
  /** What is done when nothing else is. */
  const waiting: (() => void)[] = [];
  let answers = 0;
  let commands = 0;
  let ended = false;
  const { promise: done, resolve, reject } = Promise.withResolvers<void>();
  const say = (text: string): void => void output.write(`${text}\n`);

  // The end of a piped input: what was asked is still answered.
  lines.on("close", () => {
    ended = true;
    if (answers + commands === 0) resolve();
  });
  const leave = (): void => {
    lines.close();
    resolve();
  };

  const next = (): void => {
    if (answers + commands > 0) return;
    const work = waiting.shift();
    if (work) {
      work();
      return next();
    }
    if (ended) resolve();
    else lines.prompt();
  };
  const lost = (error: unknown): void => {
    reject(error);
    leave();
  };
  const answer = (asked: Promise<Outcome>): void => {
    answers++;
    asked.then(() => {
      answers--;
      next();
    }, lost);
  };
  /** A command that asks the server. That it refuses is said, and is no reason to leave. */
  const run = (said: Promise<string>): void => {
    commands++;
    said
      .then(say, (error: unknown) => {
        if (!(error instanceof CommandError)) throw error;
        say(error.message);
      })
      .then(() => {
        commands--;
        next();
      }, lost);
  };
  const between = (act: () => void): void => {
    if (answers > 0) say("An answer is still being made. Stop it first with /stop.");
    else waiting.push(act);
  };

  const command = (name: string, text: string): void => {
    switch (name) {
      case "/quit":
      case "/exit":
        return leave();
      case "/help":
        return say(HELP);
      case "/stop":
        return stop() ? undefined : say("There is no answer to stop.");
      case "/new":
        return between(() => say(`This is a new chat: ${fresh()}`));
      case "/fork":
        return between(() => run(options.fork().then((thread) => `This is a copy of the chat: ${thread}`)));
      case "/undo":
        return between(() => run(options.undo()));
      case "/queue":
      case "/steer":
        if (text === "") return say(`Say what: ${name} TEXT`);
        return answer(name === "/steer" ? ask(text, "steer") : ask(text));
      case "/schedules":
        return run(options.schedules());
      case "/search":
        return text === "" ? say("Say what to look for: /search WORDS") : run(options.search(text));
      case "/usage":
        return run(options.usage());
      default:
        return say(`There is no command ${name}. ${HELP}`);
    }
  };

  lines.on("line", (line) => {
    const text = line.trim();
    const [, name, rest] = /^(\/\S*)\s*([\s\S]*)$/.exec(text) ?? [];
    if (name !== undefined) command(name, rest ?? "");
    else if (text !== "") waiting.push(() => answer(ask(text)));
    next();
  });

  lines.on("SIGINT", () => {
    waiting.length = 0;
    if (!stop()) leave();
  });

  say(`${options.handle} in ${options.thread}. /help lists the commands.`);
  next();
  return {
    done,
    allow: (call, signal) =>
      new Promise((decide) => {
        if (ended || signal.aborted) return decide(null);
        const gone = (): void => decide(null);
        lines.once("close", gone);
        signal.addEventListener("abort", gone, { once: true });
        lines.question(questionAbout(call), { signal }, (said) => {
          lines.removeListener("close", gone);
          decide(isYes(said));
        });
      }),
  };
}
