/**
 * The parts of the performance goals that no noise can trip: how large the Worker is, and what of it runs when it
 * starts. The ceilings are in `bench/budget.json`.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { type Metafile, parseMetafile, startUpOf } from "../../../bench/lib/bundle.ts";
import { bundleFiles, gzipBytes } from "../../../bench/lib/size.ts";

const ROOT = join(import.meta.dirname, "../../..");
const BUILD_MS = 120_000;

const budget = z
  .strictObject({
    bundleGzipBytes: z.int().positive(),
    /** What packages bring that runs, or is at least read, when the Worker starts: minified, not gzipped. */
    eagerPackageBytes: z.int().positive(),
    neverAtStart: z.array(z.string()).min(1),
    neverInTheWorker: z.array(z.string()).min(1),
  })
  .parse(JSON.parse(readFileSync(join(ROOT, "bench/budget.json"), "utf8")));

/** Names of packages that a list forbids; `@scope/*` stands for all of a scope. */
const forbidden = (names: Iterable<string>, list: readonly string[]): string[] =>
  [...names].filter((name) =>
    list.some((entry) => (entry.endsWith("/*") ? name.startsWith(entry.slice(0, -1)) : name === entry)),
  );

describe("the Worker as it is deployed", () => {
  let directory = "";
  let metafile: Metafile;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "holdfast-gate-"));
    // Wrangler wants the directory of assets to exist.
    mkdirSync(join(ROOT, "dist/console"), { recursive: true });
    execFileSync(
      process.execPath,
      [
        join(ROOT, "node_modules/wrangler/bin/wrangler.js"),
        ...["deploy", "--dry-run", "--outdir", directory, "--metafile"],
        ...["--config", join(ROOT, "wrangler.toml")],
      ],
      {
        cwd: ROOT,
        env: {
          ...process.env,
          NODE_ENV: "production",
          WRANGLER_SEND_METRICS: "false",
          WRANGLER_WRITE_LOGS: "false",
          CI: "true",
        },
        stdio: "pipe",
      },
    );
    metafile = parseMetafile(JSON.parse(readFileSync(join(directory, "bundle-meta.json"), "utf8")));
  }, BUILD_MS);
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it("is no larger, gzipped, than its budget", () => {
    const files = bundleFiles(directory);
    expect(files).toContain("worker.js");
    expect(gzipBytes(directory, files)).toBeLessThanOrEqual(budget.bundleGzipBytes);
  });

  it("evaluates no provider package and no heavy package at its start", () => {
    const { eager } = startUpOf(metafile);
    // So that an analysis that finds nothing cannot pass.
    expect([...eager.keys()]).toEqual(expect.arrayContaining(["agents", "hono", "zod"]));
    expect(forbidden(eager.keys(), budget.neverAtStart)).toEqual([]);
  });

  it("reads no more of its packages at its start than their budget", () => {
    const bytes = [...startUpOf(metafile).eager.values()].reduce((sum, size) => sum + size, 0);
    expect(bytes).toBeGreaterThan(100_000);
    expect(bytes).toBeLessThanOrEqual(budget.eagerPackageBytes);
  });

  it("carries zod's English error texts and no other language's", () => {
    const locales = Object.keys(metafile.inputs).filter((path) => path.includes("zod/v4/locales/"));
    expect(locales.map((path) => path.replace(/^.*\/locales\//, ""))).toEqual(["en.js"]);
  });

  it("holds the providers all the same, for when they are needed", () => {
    expect([...startUpOf(metafile).lazy]).toEqual(
      expect.arrayContaining(["@ai-sdk/anthropic", "@ai-sdk/openai-compatible"]),
    );
  });

  it("carries nothing of the console and of the bench's peers", () => {
    const { eager, lazy } = startUpOf(metafile);
    expect(forbidden([...eager.keys(), ...lazy], budget.neverInTheWorker)).toEqual([]);
  });
});

describe("the analysis", () => {
  const input = (...imports: [path: string, kind: string][]) => ({
    bytes: 1,
    imports: imports.map(([path, kind]) => ({ path, kind })),
  });
  const metafile = (inputs: Metafile["inputs"]): Metafile => ({
    inputs,
    outputs: {
      "worker.js": {
        entryPoint: "src/worker.ts",
        inputs: Object.fromEntries(Object.keys(inputs).map((path) => [path, { bytesInOutput: 10 }])),
      },
    },
  });

  it("follows static imports, and requires, from the entry", () => {
    const { eager, lazy } = startUpOf(
      metafile({
        "src/worker.ts": input(["node_modules/a/index.js", "import-statement"]),
        "node_modules/a/index.js": input(["node_modules/@s/b/index.js", "require-call"]),
        "node_modules/@s/b/index.js": input(),
      }),
    );
    expect(Object.fromEntries(eager)).toEqual({ a: 10, "@s/b": 10 });
    expect(lazy.size).toBe(0);
  });

  it("takes what only an import() reaches for lazy, and what both reach for eager", () => {
    const { eager, lazy } = startUpOf(
      metafile({
        "src/worker.ts": input(
          ["src/gateway.ts", "dynamic-import"],
          ["node_modules/shared/index.js", "import-statement"],
        ),
        "src/gateway.ts": input(
          ["node_modules/heavy/index.js", "import-statement"],
          ["node_modules/shared/index.js", "import-statement"],
        ),
        "node_modules/heavy/index.js": input(),
        "node_modules/shared/index.js": input(),
      }),
    );
    expect([...eager.keys()]).toEqual(["shared"]);
    expect([...lazy]).toEqual(["heavy"]);
  });

  it("matches whole names and whole scopes only", () => {
    expect(forbidden(["ai", "airy", "@cloudflare/think"], ["ai", "@cloudflare/*"])).toEqual([
      "ai",
      "@cloudflare/think",
    ]);
  });
});
