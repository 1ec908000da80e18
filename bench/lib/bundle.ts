/**
 * What of a bundle is evaluated when the Worker starts. Reads esbuild's metafile: an `import()` inside one file
 * becomes a lazily evaluated module, so only what static imports reach from the entry runs at the start.
 */
import { z } from "zod";

const metafileShape = z.object({
  inputs: z.record(
    z.string(),
    z.object({
      bytes: z.number(),
      imports: z.array(
        z.looseObject({ path: z.string(), kind: z.string(), external: z.boolean().optional() }),
      ),
    }),
  ),
  outputs: z.record(
    z.string(),
    z.looseObject({
      entryPoint: z.string().optional(),
      inputs: z.record(z.string(), z.object({ bytesInOutput: z.number() })),
    }),
  ),
});
export type Metafile = z.infer<typeof metafileShape>;
export const parseMetafile = (json: unknown): Metafile => metafileShape.parse(json);

/** Kinds of import that run the imported module at once. */
const STATIC = new Set(["import-statement", "require-call", "entry-point"]);

export interface StartUp {
  /** Packages that run at the start, with the bytes that they put into the output. */
  eager: Map<string, number>;
  /** Packages that run only when first needed. */
  lazy: Set<string>;
  /** Names that the bundler left to the platform. */
  external: Set<string>;
}

/** Sorts the packages of a bundle. Throws when the metafile names no entry. */
export function startUpOf(metafile: Metafile): StartUp {
  const output = Object.values(metafile.outputs).find((one) => one.entryPoint);
  if (!output?.entryPoint) throw new Error("the metafile has no entry point");
  const reached = new Set<string>();
  const external = new Set<string>();
  const walk = (path: string): void => {
    const input = metafile.inputs[path];
    // A file that tree shaking emptied does not run.
    if (!input || reached.has(path)) return;
    reached.add(path);
    for (const one of input.imports) {
      if (one.external) external.add(one.path);
      else if (STATIC.has(one.kind)) walk(one.path);
    }
  };
  walk(output.entryPoint);
  const eager = new Map<string, number>();
  const lazy = new Set<string>();
  for (const [path, { bytesInOutput }] of Object.entries(output.inputs)) {
    const name = packageOf(path);
    if (!name || bytesInOutput === 0) continue;
    if (reached.has(path)) eager.set(name, (eager.get(name) ?? 0) + bytesInOutput);
    else lazy.add(name);
  }
  for (const name of eager.keys()) lazy.delete(name);
  return { eager, lazy, external };
}

function packageOf(path: string): string | null {
  const at = path.lastIndexOf("node_modules/");
  if (at < 0) return null;
  return /^((?:@[^/]+\/)?[^/]+)/.exec(path.slice(at + "node_modules/".length))?.[1] ?? null;
}
