/**
 * A processor profile of our actor's long turns, summed by module. The bundle is built without minifying, where the
 * bundler names each module in a comment above it.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Bundle } from "./build.ts";

export interface ProfileShare {
  module: string;
  /** Part of the time that the isolate was busy. */
  share: number;
  /** Functions that took most of it, with their parts of the busy time. */
  top: { name: string; share: number }[];
}

const profileShape = z.object({
  nodes: z.array(
    z.object({
      id: z.number(),
      callFrame: z.object({ functionName: z.string(), url: z.string(), lineNumber: z.number() }),
    }),
  ),
  samples: z.array(z.number()),
  timeDeltas: z.array(z.number()),
});
type Profile = z.infer<typeof profileShape>;
const reply = z.looseObject({
  id: z.number(),
  result: z.looseObject({ profile: z.unknown() }).partial().optional(),
  error: z.looseObject({ message: z.string() }).optional(),
});

/** Profiles the Worker while `work` runs. */
export async function profile(
  inspectorPort: number,
  worker: string,
  bundle: Bundle,
  work: () => Promise<unknown>,
): Promise<ProfileShare[]> {
  const targets = z
    .array(z.looseObject({ id: z.string(), webSocketDebuggerUrl: z.string() }))
    .parse(await (await fetch(`http://127.0.0.1:${inspectorPort}/json`)).json());
  const target = targets.find((one) => one.id.endsWith(`:${worker}`));
  if (!target) throw new Error("the inspector does not know the Worker");
  const inspector = await Inspector.open(target.webSocketDebuggerUrl);
  try {
    await inspector.call("Profiler.enable");
    await inspector.call("Profiler.setSamplingInterval", { interval: 200 });
    await inspector.call("Profiler.start");
    await work();
    const { profile: recorded } = await inspector.call("Profiler.stop");
    return summarise(profileShape.parse(recorded), {
      name: bundle.main,
      text: readFileSync(join(bundle.directory, bundle.main), "utf8"),
    });
  } finally {
    inspector.close();
  }
}

class Inspector {
  readonly #socket: WebSocket;
  #serial = 0;
  readonly #waiting = new Map<number, (answer: z.infer<typeof reply>) => void>();

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", (event) => {
      const message = reply.safeParse(JSON.parse(String(event.data)));
      if (message.success) this.#waiting.get(message.data.id)?.(message.data);
    });
  }

  static open(url: string): Promise<Inspector> {
    const socket = new WebSocket(url);
    return new Promise((resolve, reject) => {
      socket.addEventListener("open", () => resolve(new Inspector(socket)), { once: true });
      socket.addEventListener("error", () => reject(new Error(`no inspector at ${url}`)), { once: true });
    });
  }

  async call(method: string, params: object = {}): Promise<{ profile?: unknown }> {
    const id = ++this.#serial;
    const answer = await new Promise<z.infer<typeof reply>>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${method} was not answered`)), 15_000);
      this.#waiting.set(id, (message) => {
        clearTimeout(timer);
        resolve(message);
      });
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
    this.#waiting.delete(id);
    if (answer.error) throw new Error(`${method}: ${answer.error.message}`);
    return answer.result ?? {};
  }

  close(): void {
    this.#socket.close();
  }
}

/** Self time by module, of the time that was not idle. `source` is the bundle that ran. Pure. */
export function summarise(recorded: Profile, source: { name: string; text: string }): ProfileShare[] {
  const modules = moduleLines(source.text);
  const frames = new Map(recorded.nodes.map((node) => [node.id, node.callFrame]));
  const byModule = new Map<string, Map<string, number>>();
  let busy = 0;
  recorded.samples.forEach((sample, i) => {
    const frame = frames.get(sample);
    if (!frame || frame.functionName === "(idle)" || frame.functionName === "(root)") return;
    const time = Math.max(0, recorded.timeDeltas[i] ?? 0);
    const module = frame.url.endsWith(source.name) ? moduleAt(frame.lineNumber, modules) : outside(frame);
    const functions = byModule.get(module) ?? new Map<string, number>();
    const name = frame.functionName || "(anonymous)";
    functions.set(name, (functions.get(name) ?? 0) + time);
    byModule.set(module, functions);
    busy += time;
  });
  if (busy === 0) throw new Error("the profile holds no busy sample");
  return [...byModule]
    .map(([module, functions]) => ({
      module,
      share: [...functions.values()].reduce((sum, time) => sum + time, 0) / busy,
      top: [...functions]
        .sort((a, b) => b[1] - a[1])
        .slice(0, 3)
        .map(([name, time]) => ({ name, share: time / busy })),
    }))
    .sort((a, b) => b.share - a.share);
}

type Lines = { line: number; module: string }[];

/** Where each module begins: the bundler's comments, as the project's own paths or the package's name. */
function moduleLines(source: string): Lines {
  const lines: Lines = [];
  source.split("\n").forEach((text, line) => {
    const path = /^\s*\/\/ ((?:\.\.\/|[\w@.-]+\/|[\w-]+:)[^\s]*\.(?:m?[jt]s|sql|html))$/.exec(text)?.[1];
    if (path) lines.push({ line, module: moduleName(path) });
  });
  return lines;
}

function moduleName(path: string): string {
  const inPackage = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1];
  if (inPackage) return inPackage;
  const own = /(?:^|\/)((?:src|bench)\/.*)$/.exec(path)?.[1];
  return own ?? path;
}

/** What runs outside of the bundle. */
const outside = (frame: { functionName: string }): string =>
  frame.functionName === "(garbage collector)" ? "garbage collection" : "the platform's own code";

function moduleAt(line: number, modules: Lines): string {
  let low = 0;
  let high = modules.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((modules[middle]?.line ?? 0) <= line) low = middle + 1;
    else high = middle;
  }
  return modules[low - 1]?.module ?? "the bundle's head";
}
