/** `npm run chat` as a process, as somebody in a terminal has it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { z } from "zod";
import type { TestServer } from "./server.ts";

const CHAT = join(import.meta.dirname, "../../local/chat.ts");

const chatEvent = z.looseObject({
  event: z.string(),
  id: z.string().optional(),
  name: z.string().optional(),
  input: z.looseObject({ path: z.string() }).optional(),
  delta: z.string().optional(),
  outcome: z.string().optional(),
});
export type ChatEvent = z.infer<typeof chatEvent>;

export interface ChatRun {
  /** Resolves when its output holds the text. Rejects when it ends without. */
  printed(text: string): Promise<void>;
  /** Resolves when it has ended. */
  ended: Promise<{ code: number | null; out: string; err: string }>;
}

/** Starts the chat command as Alice, with more arguments. With `input` it is the prompt, and that is typed into it. */
export function startChat(
  server: TestServer,
  ...how: string[] | [{ input: string; args: readonly string[] }]
): ChatRun {
  const [first] = how;
  const piped = typeof first === "object" ? first : null;
  const args = piped?.args ?? how.filter((arg) => typeof arg === "string");
  const flags = ["--as", "alice@example.com", "--url", server.url, "--data", server.data];
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", CHAT, ...flags, ...args], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdin.end(piped?.input ?? "");
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => {
    out += part;
  });
  child.stderr.setEncoding("utf8").on("data", (part: string) => {
    err += part;
  });
  const ended = once(child, "close").then(([code]) => ({ code, out, err }));
  return {
    ended,
    printed: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (out.includes(text)) resolve();
        };
        look();
        child.stdout.on("data", look);
        void ended.then(() => reject(new Error(`The chat ended without “${text}”:\n${out}\n${err}`)));
      }),
  };
}

/** What the command printed with `--json`. */
export const eventsIn = (out: string): ChatEvent[] =>
  out
    .trim()
    .split("\n")
    .map((line) => chatEvent.parse(JSON.parse(line)));
