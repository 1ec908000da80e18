/** Reads every import and keeps the direction of dependencies, and a few other rules of the house. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = normalize(join(import.meta.dirname, ".."));

interface Source {
  path: string;
  text: string;
  /** Paths of ours from the root, and names of packages, as imported. */
  imports: string[];
  /** The same without `import type`. */
  values: string[];
}

function sources(folder: string): Source[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|tsx)$/.test(entry.name) && !entry.name.endsWith(".d.ts"))
    .map((entry) => {
      const path = relative(ROOT, join(entry.parentPath, entry.name));
      const text = readFileSync(join(ROOT, path), "utf8");
      const found = [
        ...text.matchAll(/(?:^|\n)\s*(?:import|export)\s+(type\s+)?[^;"']*?from\s+["']([^"']+)["']/g),
      ];
      const bare = [
        ...text.matchAll(/(?:^|\n)\s*import\s+["']([^"']+)["']|import\(\s*["']([^"']+)["']\s*\)/g),
      ];
      const resolve = (name: string) => (name.startsWith(".") ? normalize(join(dirname(path), name)) : name);
      return {
        path,
        text,
        imports: [...found.map((m) => m[2] ?? ""), ...bare.map((m) => m[1] ?? m[2] ?? "")].map(resolve),
        values: [
          ...found.filter((m) => !m[1]).map((m) => m[2] ?? ""),
          ...bare.map((m) => m[1] ?? m[2] ?? ""),
        ].map(resolve),
      };
    });
}

const src = sources("src");
const all = [...src, ...sources("local"), ...sources("test")];
const under = (folder: string) => src.filter((source) => source.path.startsWith(`src/${folder}`));
const isOurs = (name: string) => name.startsWith("src/");
const file = (path: string): Source => {
  const found = src.find((source) => source.path === path);
  if (!found) throw new Error(`${path} is not there any more: the rule about it needs a new name`);
  return found;
};

describe("dependencies point one way", () => {
  it("protocol, errors and limits import nothing of ours but protocol itself", () => {
    const wrong = [...under("protocol/"), file("src/errors.ts"), file("src/limits.ts")].flatMap((source) =>
      source.imports
        .filter((name) => isOurs(name) && !name.startsWith("src/protocol/"))
        .map((name) => `${source.path} → ${name}`),
    );
    expect(wrong).toEqual([]);
  });

  it("tools and model never import actors or the router", () => {
    const wrong = [...under("tools/"), ...under("model/")].flatMap((source) =>
      source.imports
        .filter((name) => /^src\/(actors|router)\//.test(name))
        .map((name) => `${source.path} → ${name}`),
    );
    expect(wrong).toEqual([]);
  });

  it("the router knows actors only by their RPC types, and actors do not know the router", () => {
    const wrong = [
      ...under("router/").map((source) => ({ source, not: /^src\/actors\// })),
      ...under("actors/").map((source) => ({ source, not: /^src\/router\// })),
    ].flatMap(({ source, not }) =>
      source.imports.filter((name) => not.test(name)).map((name) => `${source.path} → ${name}`),
    );
    expect(wrong).toEqual([]);
  });

  it("the Worker never imports what is for one machine, and the console imports only types from elsewhere", () => {
    const local = src.flatMap((source) =>
      source.imports.filter((name) => name.startsWith("local/")).map((name) => `${source.path} → ${name}`),
    );
    const console = under("console/").flatMap((source) =>
      source.values
        .filter((name) => isOurs(name) && !/^src\/(console|protocol|errors|limits|names)/.test(name))
        .map((name) => `${source.path} → ${name}`),
    );
    expect([...local, ...console]).toEqual([]);
  });
});

/** The pure pieces: replay and simulation run them with other clocks. */
const PURE = [
  "bytes",
  "checkpoint",
  "checkpoint-blobs",
  "checkpoint-keys",
  "compact",
  "entries",
  "entry-schema",
  "export",
  "fork",
  "import",
  "key-filter",
  "markdown",
  "markdown-text",
  "memory",
  "outbox",
  "outbox-plan",
  "outbox-split",
  "outcome",
  "persistent",
  "places",
  "plan",
  "purse",
  "purse-words",
  "replay",
  "request",
  "state",
  "stream",
  "submit",
  "transcript",
  "turn",
  "within",
  "walk",
]
  .map((name) => `src/actors/conversation/${name}.ts`)
  .concat(["cron", "run", "schedule", "when", "zone"].map((name) => `src/schedule/${name}.ts`))
  .concat("src/actors/chain.ts");

describe("what is pure stays pure", () => {
  it("no platform, SDK or I/O behind state, plan, memory and turn", () => {
    const wrong = PURE.map(file).flatMap((source) =>
      source.values
        .filter((name) => /^(cloudflare:|agents|partyserver|hono|@ai-sdk)/.test(name))
        .map((name) => `${source.path} → ${name}`),
    );
    const io = PURE.map(file)
      .filter((source) => /\bfetch\(|setTimeout\(|\.exec\(/.test(source.text))
      .map((source) => source.path);
    expect([...wrong, ...io]).toEqual([]);
  });

  /** Where clocks and chance may be read: the entry points, which hand them on. */
  const SHELLS = [
    "src/actors/conversation/actor.ts",
    "src/actors/user/actor.ts",
    "src/worker.ts",
    "src/console/",
  ];

  it("clock and randomness are read in the shells only", () => {
    const wrong = src
      .filter((source) => !SHELLS.some((shell) => source.path.startsWith(shell)))
      .filter((source) =>
        /\bDate\.now\b|\brandomUUID\b|\bMath\.random\b|getRandomValues|new Date\(\)/.test(source.text),
      )
      .map((source) => source.path);
    expect(wrong).toEqual([]);
  });
});

describe("each vendor SDK has one door", () => {
  const ONE_FILE = [
    "agents/models/ai-sdk",
    "agents/websockets",
    "@ai-sdk/anthropic",
    "@ai-sdk/openai-compatible",
    "@cloudflare/sandbox",
    "@cloudflare/puppeteer",
    "croner",
    "partyserver",
  ];
  it.each(ONE_FILE)("%s is imported in at most one file", (name) => {
    const files = src.filter((source) => source.values.includes(name)).map((source) => source.path);
    expect(files.length, files.join(", ")).toBeLessThanOrEqual(1);
  });
});

describe("size and manners", () => {
  it("no file has more than 400 lines: there it has two jobs", () => {
    const long = all
      .map((source) => ({ path: source.path, lines: source.text.split("\n").length - 1 }))
      .filter((source) => source.lines > 400);
    expect(long).toEqual([]);
  });

  it("no test is skipped, retried or alone", () => {
    const wrong = all
      .filter((source) => source.path.endsWith(".test.ts") && source.path !== "test/boundary.test.ts")
      .filter((source) => /\.(skip|only|todo|fails)\(|\bretry:/.test(source.text))
      .map((source) => source.path);
    expect(wrong).toEqual([]);
  });
});
