/** The bench's other processes: the model's provider and the clients. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { z } from "zod";
import { type ClientCommand, type ClientResult, clientAnswer } from "./messages.ts";

function start(file: string): ChildProcess {
  return fork(join(import.meta.dirname, file), {
    execArgv: ["--disable-warning=ExperimentalWarning"],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  // They end when nobody talks to them any more, so that none outlives the bench.
  if (child.connected) child.disconnect();
  await ended;
}

/** Base URL of a provider in a process of its own. */
export async function startUpstream(): Promise<{ url: string; close(): Promise<void> }> {
  const child = start("upstream.ts");
  const [first] = await once(child, "message");
  const { port } = z.object({ port: z.number() }).parse(first);
  return { url: `http://127.0.0.1:${port}`, close: () => stop(child) };
}

export class Client {
  readonly #child: ChildProcess;
  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(): Promise<Client> {
    const child = start("client.ts");
    await once(child, "message");
    return new Client(child);
  }

  /** One command at a time. Throws what the client met. */
  async run(command: ClientCommand): Promise<ClientResult> {
    const answered = once(this.#child, "message");
    this.#child.send(command);
    const [message] = await answered;
    const answer = clientAnswer.parse(message);
    if ("error" in answer) throw new Error(answer.error);
    return answer.result;
  }

  close(): Promise<void> {
    return stop(this.#child);
  }
}
