/** A gateway in a directory of its own, an upstream that answers as told, and a workspace in memory. */
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { answer, type DemoPart } from "../../../local/gateway/demo/index.ts";
import { type Gateway, type GatewayOptions, startGateway } from "../../../local/gateway/index.ts";
import type { Message } from "../../../local/gateway/wire/call.ts";

export const FILE_TOOLS = ["read", "write", "edit", "list", "search", "delete"];

/** A gateway without keys, pace or anything of this machine's environment. */
export async function withGateway(
  use: (gateway: Gateway, dataDir: string) => Promise<void>,
  options: Partial<GatewayOptions> = {},
): Promise<void> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), "holdfast-gateway-")));
  // Port 9 discards: an Ollama that happens to run here must not change a test.
  const gateway = await startGateway({ env: { OLLAMA_HOST: "127.0.0.1:9" }, paceMs: 0, ...options, dataDir });
  try {
    await use(gateway, dataDir);
  } finally {
    await gateway.close();
    if (options.dataDir === undefined) await rm(dataDir, { recursive: true });
  }
}

export interface Seen {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** A provider's stand-in on loopback. `seen` are the requests that reached it. */
export async function withUpstream(
  respond: (seen: Seen, response: ServerResponse, request: IncomingMessage) => void | Promise<void>,
  use: (url: string, seen: Seen[]) => Promise<void>,
): Promise<void> {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const { method = "", url = "", headers } = request;
    const one = { method, url, headers, body: Buffer.concat(chunks).toString("utf8") };
    seen.push(one);
    await respond(one, response, request);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("The upstream has no port.");
  try {
    await use(`http://127.0.0.1:${address.port}`, seen);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** The six file tools over a map of path to text, with the results and errors that the real ones give. */
export class MemoryWorkspace {
  readonly files: Map<string, string>;
  constructor(files: Record<string, string> = {}) {
    this.files = new Map(Object.entries(files));
  }

  run(name: string, input: Record<string, unknown>): { output: unknown; failed: boolean } {
    const path = String(input.path ?? "");
    const known = this.files.get(path);
    const missing = { output: { code: "file_unknown", message: `There is no file ${path}.` }, failed: true };
    const ok = (output: unknown) => ({ output, failed: false });
    switch (name) {
      case "read": {
        if (known === undefined) return missing;
        const lines = known.split("\n");
        const from = Number(input.from ?? 1);
        const text = lines.slice(from - 1, from - 1 + Number(input.lines ?? lines.length)).join("\n");
        return ok({ path, text, lines: lines.length, truncated: false });
      }
      case "write": {
        const text = String(input.text);
        this.files.set(path, text);
        return ok({ path, sizeBytes: Buffer.byteLength(text), created: known === undefined });
      }
      case "edit": {
        if (known === undefined) return missing;
        const find = String(input.find);
        const places = known.split(find).length - 1;
        if (places === 0)
          return { output: { code: "bad_request", message: `“${find}” is not in ${path}.` }, failed: true };
        const replace = String(input.replace);
        this.files.set(
          path,
          input.all === true ? known.split(find).join(replace) : known.replace(find, () => replace),
        );
        return ok({ path, replacements: input.all === true ? places : 1 });
      }
      case "list": {
        const prefix = path === "" ? "" : `${path}/`;
        const inside = [...this.files].filter(([name]) => name.startsWith(prefix));
        const names = new Map(
          inside.map(([file, text]) => {
            const [first = "", ...rest] = file.slice(prefix.length).split("/");
            const file_ = { name: first, kind: "file", sizeBytes: Buffer.byteLength(text) };
            return [first, rest.length > 0 ? { name: first, kind: "directory" } : file_];
          }),
        );
        return ok({ path, entries: [...names.values()], truncated: false });
      }
      case "search": {
        const matches = [...this.files]
          .filter(([file]) => file.startsWith(path))
          .flatMap(([file, text]) =>
            text
              .split("\n")
              .flatMap((line, i) =>
                line.includes(String(input.query)) ? [{ path: file, line: i + 1, text: line }] : [],
              ),
          );
        return ok({ matches, truncated: false });
      }
      case "delete":
        return this.files.delete(path) ? ok({ path, deleted: true }) : missing;
      default:
        throw new Error(`The demo model called ${name}, which was not offered.`);
    }
  }
}

export interface Conversation {
  messages: Message[];
  /** Every tool call, in order, as `[name, input]`; one list a round. */
  rounds: [string, Record<string, unknown>][][];
  /** The last answer's text. */
  final: string;
}

export interface ConverseOptions {
  workspace?: MemoryWorkspace;
  tools?: string[];
  system?: string;
  earlier?: Message[];
  /** OpenAI's wire does not say that a result is an error. */
  flagged?: boolean;
}

/** Plays one request with the demo model until it answers without calling a tool; 12 rounds are a loop. */
export function converse(said: string, options: ConverseOptions = {}): Conversation {
  const { workspace = new MemoryWorkspace(), tools = FILE_TOOLS, system = "", flagged = true } = options;
  const messages: Message[] = [
    ...(options.earlier ?? []),
    { role: "user", parts: [{ type: "text", text: said }] },
  ];
  const rounds: Conversation["rounds"] = [];
  for (let round = 0; round < 12; round++) {
    const parts = answer({ system, messages, tools });
    const calls = parts.flatMap((part, i) =>
      part.type === "tool" ? [{ ...part, id: `call_${round}_${i}` }] : [],
    );
    messages.push({ role: "assistant", parts: parts.map((part, i) => partOf(part, `call_${round}_${i}`)) });
    if (calls.length === 0) return { messages, rounds, final: textOf(parts) };
    rounds.push(calls.map(({ name, input }) => [name, input]));
    const results = calls.map(({ id, name, input }) => {
      if (!tools.includes(name)) throw new Error(`The demo model called ${name}, which was not offered.`);
      const { output, failed } = workspace.run(name, input);
      return { type: "result" as const, id, text: JSON.stringify(output), failed: failed && flagged };
    });
    messages.push({ role: "user", parts: results });
  }
  throw new Error(`The demo model does not come to an end with: ${said}`);
}

const textOf = (parts: DemoPart[]): string =>
  parts.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("");

function partOf(part: DemoPart, id: string): Message["parts"][number] {
  return part.type === "text" ? part : { type: "call", id, name: part.name, input: part.input };
}
