/** A call that was cut off runs again with the same key (`replay: "safe"`). It must have one effect. */
import { describe, expect, it } from "vitest";
import { type BucketCall, type Called, call, type Desk, deskOf, LOTS, tapped } from "./support.ts";

interface Case {
  tool: string;
  input: Record<string, unknown>;
  /** What the file holds before and after; `null` when it is not there. */
  before: string | null;
  after: string | null;
}

const cases: Record<string, Case> = {
  "a write that creates": { tool: "write", input: { path: "a.md", text: "new" }, before: null, after: "new" },
  "a write that replaces": {
    tool: "write",
    input: { path: "a.md", text: "new" },
    before: "old",
    after: "new",
  },
  "a write of what is there": {
    tool: "write",
    input: { path: "a.md", text: "old" },
    before: "old",
    after: "old",
  },
  // Its result matches `find` again: run twice without a key it would give "aaaa".
  "an edit": {
    tool: "edit",
    input: { path: "a.md", find: "a", replace: "aa", all: true },
    before: "a",
    after: "aa",
  },
  "a deletion": { tool: "delete", input: { path: "a.md" }, before: "old", after: null },
};

const contentOf = async (desk: Desk) => ((await desk.files.stat("a.md")) ? await desk.text("a.md") : null);
async function prepared({ before }: Case): Promise<Desk> {
  const desk = deskOf();
  if (before !== null) await desk.write("a.md", before);
  return desk;
}

describe.each(Object.entries(cases))("%s", (_, it_) => {
  const { tool, input, before, after } = it_;
  const versions = before === null ? 0 : 1;

  it("gives the same answer again and makes no second version", async () => {
    const desk = await prepared(it_);
    const first = await call(desk, tool, input, "k");
    expect(first.error).toBeUndefined();
    expect(await contentOf(desk)).toBe(after);
    const keys = await desk.keys();
    desk.pass(5_000);
    // In another object: after a restart nothing is left in memory.
    expect(await call({ ...desk, files: desk.other() }, tool, input, "k")).toEqual(first);
    expect(await contentOf(desk)).toBe(after);
    expect(await desk.keys()).toEqual(keys);
    expect(await desk.files.versions("a.md")).toHaveLength(versions);
  });

  it("does nothing to what happened to the file since", async () => {
    for (const since of ["theirs", "old", "a", null]) {
      const desk = await prepared(it_);
      const first = await call(desk, tool, input, "k");
      if (since !== null) await desk.write("a.md", since);
      else if (after !== null) await desk.files.delete("a.md");
      const keys = await desk.keys();
      expect(await call(desk, tool, input, "k")).toEqual(first);
      expect(await contentOf(desk)).toBe(since);
      expect(await desk.keys()).toEqual(keys);
    }
  });

  it("is a call of its own with another key", async () => {
    const desk = await prepared(it_);
    await call(desk, tool, input, "k");
    const second = await call(desk, tool, input, "k2");
    if (tool === "delete") expect(second.error?.code).toBe("file_unknown");
    else expect(await desk.files.versions("a.md")).toHaveLength(versions + 1);
  });

  it("cut off at any request to R2 and run again, has its effect once", LOTS, async () => {
    // How many requests one run makes, so that it can be cut at each of them.
    const calls: BucketCall[] = [];
    const whole = await prepared(it_);
    const reference = await call({ ...whole, files: whole.other(tapped({}, calls)) }, tool, input, "k");
    expect(calls.length).toBeGreaterThan(2);

    for (let cut = 0; cut < calls.length; cut++) {
      for (const when of ["before", "after"] as const) {
        const desk = await prepared(it_);
        const reached = Promise.withResolvers<void>();
        let seen = 0;
        const stop = async () => {
          if (seen++ < cut) return;
          reached.resolve();
          await new Promise(() => {}); // the object died here: this request's answer never comes
        };
        const dying = tapped(when === "before" ? { before: stop } : { after: stop });
        void call({ ...desk, files: desk.other(dying) }, tool, input, "k");
        await reached.promise;

        const again: Called = await call({ ...desk, files: desk.other() }, tool, input, "k");
        const where = `cut ${when} request ${cut} (${calls[cut]?.method} ${calls[cut]?.key})`;
        expect(again.error, where).toBeUndefined();
        expect(Object.keys(again.output ?? {}), where).toEqual(Object.keys(reference.output ?? {}));
        expect(await contentOf(desk), where).toBe(after);
        expect(await desk.files.versions("a.md"), where).toHaveLength(versions);
        if (before !== null) expect(await desk.kept("a.md"), where).toEqual([before]);
      }
    }
  });
});

describe("keys", () => {
  it("of any length and content are told apart", async () => {
    const desk = deskOf();
    const long = "k".repeat(5_000);
    for (const key of [long, `${long}1`, "ü → 日本", "a\nb"]) {
      const text = `text of ${key.length} ${key.slice(-3)}`;
      const first = await desk.files.write("a", text, { key });
      expect(await desk.files.write("a", text, { key })).toEqual(first);
      expect(await desk.text("a")).toBe(text);
    }
    expect(await desk.kept("a")).toHaveLength(3);
  });
  it("count for one path, and for one content", async () => {
    const desk = deskOf();
    await desk.files.write("a", "one", { key: "k" });
    await desk.files.write("b", "one", { key: "k" });
    expect(await desk.text("b")).toBe("one");
    await desk.files.write("a", "two", { key: "k" });
    expect(await desk.text("a")).toBe("two");
  });
  it("an empty key is no key", async () => {
    const desk = deskOf();
    await desk.files.write("a", "one", { key: "" });
    await desk.files.write("a", "one", { key: "" });
    expect(await desk.kept("a")).toEqual(["one"]);
  });
});
