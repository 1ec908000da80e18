/**
 * A guard of the source, by name: the text that holds it, and the text that takes it away. `mutants` removes them one
 * by one and expects what each names to fail. A guard whose text is not found is an error: the lists must follow the
 * code. `guards.ts` has those of the turn; every file below `guards/` adds those of another room.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { GUARDS } from "./guards.ts";

export interface Guard {
  name: string;
  /** Relative to the project. */
  file: string;
  /** Stands in the file exactly once. */
  from: string;
  to: string;
  /** What must fail without it; the simulation if it does not say. */
  by?: Killer;
}

/** A campaign, or one test file below `test/unit` or `test/workers`, named without its folder and `.test.ts`. */
export type Killer =
  | "simulate"
  | "crash-points"
  | "stream"
  | "alarms"
  | "evict"
  | "outbox"
  | "schedules"
  | "purse"
  | "access"
  | `unit:${string}`
  | `workers:${string}`;

const FOLDER = join(import.meta.dirname, "guards");

/** Every guard of every list. Throws when two have one name, or when a file below `guards/` has no list. */
export async function allGuards(): Promise<Guard[]> {
  const guards: Guard[] = [...GUARDS];
  for (const file of readdirSync(FOLDER)
    .filter((name) => name.endsWith(".ts"))
    .sort()) {
    const loaded: unknown = await import(pathToFileURL(join(FOLDER, file)).href);
    guards.push(...listIn(loaded, file));
  }
  const names = new Set<string>();
  for (const { name } of guards) {
    if (names.has(name)) throw new Error(`Two guards are named "${name}".`);
    names.add(name);
  }
  return guards;
}

function listIn(loaded: unknown, file: string): readonly Guard[] {
  if (typeof loaded === "object" && loaded !== null && "GUARDS" in loaded && Array.isArray(loaded.GUARDS))
    return loaded.GUARDS as readonly Guard[]; // each file below the folder declares it so, and tsc reads them
  throw new Error(`guards/${file} exports no GUARDS.`);
}
