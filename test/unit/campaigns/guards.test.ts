import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { allGuards, type Guard } from "../../campaigns/guard.ts";
import { misplaced } from "../../campaigns/mutants.ts";

const ROOT = join(import.meta.dirname, "../../..");
/** What the project says of itself. */
const AT_LEAST = 30;

describe("guards", async () => {
  const guards = await allGuards();

  it(`are at least ${AT_LEAST}, each with a name of its own`, () => {
    expect(guards.length).toBeGreaterThanOrEqual(AT_LEAST);
  });

  it.each(guards.map((guard) => [guard.name, guard] as const))(
    "%s: stands where the list says",
    (_name, guard) => {
      expect(misplaced(guard, readFileSync(join(ROOT, guard.file), "utf8"))).toBeNull();
    },
  );

  it("that are gone, stand twice or take nothing away are told", () => {
    const guard: Guard = { name: "g", file: "f.ts", from: "if (a) return;", to: "" };
    expect(misplaced(guard, "x();")).toBe("its text stands 0 times in f.ts");
    expect(misplaced(guard, "if (a) return; if (a) return;")).toBe("its text stands 2 times in f.ts");
    expect(misplaced({ ...guard, to: guard.from }, "if (a) return;")).toBe("it takes nothing away");
    expect(misplaced(guard, "if (a) return; x();")).toBeNull();
  });
});
