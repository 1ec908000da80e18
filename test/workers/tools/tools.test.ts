import { env } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { limits } from "../../../src/limits.ts";
import { filesPrefix } from "../../../src/names.ts";
import { jsonBytes } from "../../../src/tools/size.ts";
import { call, DAY_MS, deskOf, LOTS, patterned, tapped } from "./support.ts";

describe("read", () => {
  it("gives a file back with all that is needed to read on and to edit", async () => {
    const desk = deskOf();
    await desk.write("a.md", "one\ntwo\nthree\n");
    const info = await desk.files.stat("a.md");
    expect((await call(desk, "read", { path: "/a.md" })).output).toEqual({
      path: "a.md",
      text: "one\ntwo\nthree\n",
      lines: 3,
      from: 1,
      totalLines: 3,
      truncated: false,
      etag: info?.etag,
      sizeBytes: 14,
    });
    expect((await call(desk, "read", { path: "a.md", from: 2, lines: 1 })).output).toMatchObject({
      text: "two\n",
      lines: 1,
      from: 2,
      totalLines: 3,
      truncated: true,
    });
    expect((await call(desk, "read", { path: "a.md", from: 9 })).output).toMatchObject({
      text: "",
      lines: 0,
      truncated: false,
      note: "The file has only 3 lines.",
    });
  });
  it("gives a large file in pieces that put together are the file", async () => {
    const desk = deskOf();
    const text = Array.from({ length: 5_000 }, (_, i) => `${i} "quoted" ${"é".repeat(i % 50)}\n`).join("");
    await desk.write("a.log", text);
    let whole = "";
    let from = 1;
    let calls = 0;
    for (;;) {
      const { output } = await call(desk, "read", { path: "a.log", from });
      expect(jsonBytes(output)).toBeLessThan(limits.toolResultBytes);
      whole += String(output?.text);
      from += Number(output?.lines);
      calls += 1;
      if (output?.truncated !== true) break;
    }
    expect(whole).toBe(text);
    expect(calls).toBeGreaterThan(3);
  });
  it("gives the beginning of a line that is too long", async () => {
    const desk = deskOf();
    await desk.write("min.js", `${"x".repeat(200_000)}\nend\n`);
    const { output } = await call(desk, "read", { path: "min.js" });
    expect(output).toMatchObject({ lines: 1, totalLines: 2, truncated: true, note: /too long/ });
    expect(String(output?.text).length).toBeGreaterThan(limits.readBytes - 10);
    expect((await call(desk, "read", { path: "min.js", from: 2 })).output).toMatchObject({ text: "end\n" });
  });
  it("describes what is not text instead of dumping it", async () => {
    const desk = deskOf();
    await desk.files.write("photo.png", patterned(5_000));
    expect((await call(desk, "read", { path: "photo.png" })).output).toEqual({
      path: "photo.png",
      binary: true,
      mediaType: "image/png",
      sizeBytes: 5_000,
    });
  });
  it("helps when the file is not there", async () => {
    const desk = deskOf();
    await desk.write("notes/Plan.md", "x");
    const messageOf = async (path: string) => (await call(desk, "read", { path })).error?.message;
    expect(await messageOf("notes/plan.txt")).toBe(
      'There is no file "notes/plan.txt". Did you mean "notes/Plan.md"?',
    );
    expect(await messageOf("notes")).toMatch(/is a directory, not a file\. Use list/);
    expect(await messageOf("note/plan.md")).toBe('There is no file "note/plan.md", and no directory "note".');
    expect(await messageOf("zebra")).toMatch(/There is no file "zebra"\. List its directory/);
    expect((await call(desk, "read", { path: "../x" })).error?.code).toBe("path_invalid");
  });
});

describe("write", () => {
  it("creates, replaces, and says which", async () => {
    const desk = deskOf();
    const first = await call(desk, "write", { path: "./notes/a.md", text: "héllo" });
    const info = await desk.files.stat("notes/a.md");
    expect(first).toEqual({
      output: { path: "notes/a.md", sizeBytes: 6, created: true, etag: info?.etag },
      changed: ["notes/a.md"],
    });
    expect((await call(desk, "write", { path: "notes/a.md", text: "x" })).output).toMatchObject({
      created: false,
    });
    expect(await desk.kept("notes/a.md")).toEqual(["héllo"]);
  });
  it("with the etag of a read keeps both when somebody else was there", async () => {
    const desk = deskOf();
    await desk.write("a.md", "one");
    const etag = (await call(desk, "read", { path: "a.md" })).output?.etag;
    await desk.other().write("a.md", "theirs");
    const { output, changed } = await call(desk, "write", { path: "a.md", text: "ours", etag }, "k");
    const keptAs = String((output?.conflict as { keptAs?: unknown } | undefined)?.keptAs); // checked by what follows
    expect(output).toMatchObject({ path: "a.md", conflict: { keptAs } });
    expect(changed).toEqual([keptAs]);
    expect(await desk.text("a.md")).toBe("theirs");
    expect(await desk.text(keptAs)).toBe("ours");
    expect((await call(desk, "write", { path: "a.md", text: "ours", etag }, "k")).output).toEqual(output);
    expect((await desk.files.list("")).entries).toHaveLength(2);
  });
});

describe("edit", () => {
  it("replaces and keeps the previous content", async () => {
    const desk = deskOf();
    await desk.write("a.md", "one two one");
    const edited = await call(desk, "edit", { path: "a.md", find: "two", replace: "2" });
    expect(edited).toEqual({
      output: { path: "a.md", replacements: 1, etag: (await desk.files.stat("a.md"))?.etag },
      changed: ["a.md"],
    });
    const all = await call(desk, "edit", { path: "a.md", find: "one", replace: "1", all: true });
    expect(all.output).toMatchObject({ replacements: 2 });
    expect(await desk.text("a.md")).toBe("1 2 1");
    expect(await desk.kept("a.md")).toEqual(["one 2 one", "one two one"]);
  });
  it("changes nothing when the text is not there, not alone, or not text", async () => {
    const desk = deskOf();
    await desk.write("a.md", "one\none\n");
    await desk.files.write("a.bin", new Uint8Array([0xff, 0xfe, 0]));
    const edit = async (path: string, find: string) =>
      (await call(desk, "edit", { path, find, replace: "x" })).error;
    expect(await edit("a.md", "one")).toMatchObject({
      code: "bad_request",
      message: /occurs 2 times \(lines 1, 2\)/,
    });
    expect(await edit("a.md", "none")).toMatchObject({ code: "bad_request", message: /not found.*\n1: one/ });
    expect(await edit("a.bin", "x")).toMatchObject({ code: "bad_request", message: /not a text file/ });
    expect(await edit("b.md", "x")).toMatchObject({ code: "file_unknown" });
    expect(await edit("a.md", "")).toMatchObject({
      code: "tool_input_invalid",
      message: /`find`: Too small/,
    });
    expect(await desk.kept("a.md")).toEqual([]);
    await desk.files.write("huge.txt", new Uint8Array(2 * 1024 * 1024 + 1).fill(97));
    expect(await edit("huge.txt", "a")).toMatchObject({ code: "body_too_large" });
  });
  it("five at once on one file all take effect", async () => {
    const desk = deskOf();
    await desk.write("a.md", "1 2 3 4 5");
    const edits = ["1", "2", "3", "4", "5"].map((n) =>
      call(desk, "edit", { path: "a.md", find: n, replace: `<${n}>` }),
    );
    for (const { output } of await Promise.all(edits)) expect(output).toMatchObject({ replacements: 1 });
    expect(await desk.text("a.md")).toBe("<1> <2> <3> <4> <5>");
  });
  it("is applied to what somebody else has just written, not over it", async () => {
    const desk = deskOf();
    await desk.write("a.md", "title\nbody\n");
    let done = false;
    const slow = tapped({
      async before({ method, key }) {
        if (done || method !== "put" || !key.startsWith("s/")) return;
        done = true;
        await desk.write("a.md", "title\nbody\nappended by them\n");
      },
    });
    const { output } = await call({ ...desk, files: desk.other(slow) }, "edit", {
      path: "a.md",
      find: "title",
      replace: "Title",
    });
    expect(output).toMatchObject({ replacements: 1 });
    expect(await desk.text("a.md")).toBe("Title\nbody\nappended by them\n");
  });
});

describe("list", () => {
  it("lists the top and a directory", async () => {
    const desk = deskOf();
    await desk.write("notes/a.md", "text");
    await desk.write("b.txt", "b");
    expect((await call(desk, "list", {})).output).toEqual({
      path: "",
      entries: [
        { name: "notes", kind: "directory" },
        { name: "b.txt", kind: "file", sizeBytes: 1, modifiedAt: expect.stringMatching(/^\d{4}-.*Z$/) },
      ],
      truncated: false,
    });
    expect((await call(desk, "list", { path: "/notes/" })).output).toMatchObject({
      path: "notes",
      entries: [{ name: "a.md", sizeBytes: 4 }],
    });
  });
  it("tells an empty workspace from a directory that is not there, and from a file", async () => {
    const desk = deskOf();
    expect((await call(desk, "list", {})).output).toEqual({ path: "", entries: [], truncated: false });
    await desk.write("a.md", "x");
    expect((await call(desk, "list", { path: "nope" })).error?.message).toMatch(
      /There is no directory "nope"/,
    );
    expect((await call(desk, "list", { path: "a.md" })).error?.message).toMatch(
      /"a\.md" is a file: use read/,
    );
  });
  it("stays within one answer", LOTS, async () => {
    const desk = deskOf();
    const names = Array.from({ length: 400 }, (_, i) => `${"long ".repeat(30)}${i}`);
    await Promise.all(names.map((name) => env.FILES.put(`${filesPrefix(desk.user)}${name}`, "x")));
    const { output } = await call(desk, "list", {});
    expect(output?.truncated).toBe(true);
    expect(jsonBytes(output)).toBeLessThan(limits.toolResultBytes);
  });
});

describe("search", () => {
  const matchesOf = async (desk: ReturnType<typeof deskOf>, input: unknown) =>
    (await call(desk, "search", input)).output;
  it("finds text and names without regard to case, in the order of the files", async () => {
    const desk = deskOf();
    await desk.write("b.md", "first\nThe ZEBRA stands\r\nlast");
    await desk.write("a/zebra.txt", "nothing here");
    await desk.write("c.md", "ze\nbra");
    await desk.files.write("d.bin", new Uint8Array([0, ...new TextEncoder().encode("zebra")]));
    await desk.files.write("zebra.png", patterned(100));
    expect(await matchesOf(desk, { query: "zeBRA" })).toEqual({
      matches: [
        { path: "a/zebra.txt", line: 0, text: "a/zebra.txt" },
        { path: "b.md", line: 2, text: "The ZEBRA stands" },
        { path: "zebra.png", line: 0, text: "zebra.png" },
      ],
      filesSearched: 4,
      truncated: false,
    });
    expect(await matchesOf(desk, { query: "zebra", path: "a" })).toMatchObject({ filesSearched: 1 });
    expect(await matchesOf(desk, { query: "zebra", path: "b.md" })).toMatchObject({
      matches: [{ path: "b.md" }],
    });
    expect(await matchesOf(desk, { query: "$1.*" })).toMatchObject({ matches: [] });
  });
  it("is bounded in matches, in files and in file sizes, and says so", LOTS, async () => {
    const desk = deskOf();
    await desk.write("many.txt", "needle\n".repeat(limits.searchMatches + 50));
    const many = await matchesOf(desk, { query: "needle" });
    expect(many?.matches).toHaveLength(limits.searchMatches);
    expect(many?.truncated).toBe(true);

    const large = deskOf();
    await large.files.write("large.txt", new Uint8Array(limits.searchFileBytes + 1).fill(97));
    expect(await matchesOf(large, { query: "aaa" })).toEqual({
      matches: [],
      filesSearched: 0,
      truncated: true,
    });

    const files = deskOf();
    const names = Array.from({ length: limits.searchFiles + 10 }, (_, i) => `f${String(i).padStart(4, "0")}`);
    await Promise.all(names.map((name) => env.FILES.put(`${filesPrefix(files.user)}${name}`, "x")));
    expect(await matchesOf(files, { query: "nothing" })).toEqual({
      matches: [],
      filesSearched: limits.searchFiles,
      truncated: true,
    });
  });
  it("shows long lines around the match and stays within one answer", async () => {
    const desk = deskOf();
    await desk.write("min.js", `${"日".repeat(20_000)}needle${"本".repeat(20_000)}`);
    const { output } = await call(desk, "search", { query: "needle" });
    expect(output?.matches).toEqual([
      { path: "min.js", line: 1, text: expect.stringMatching(/^…日+needle本+…$/) },
    ]);
    await desk.write("wide.txt", `needle ${"日".repeat(300)}\n`.repeat(100));
    const wide = await call(desk, "search", { query: "needle" });
    expect(wide.output?.truncated).toBe(true);
    expect(jsonBytes(wide.output)).toBeLessThan(limits.toolResultBytes);
  });
  it("reads at most five files at a time", async () => {
    const desk = deskOf();
    for (let i = 0; i < 23; i++) await desk.write(`f${i}`, "needle");
    let open = 0;
    let most = 0;
    const watched = tapped({
      before({ method }) {
        if (method === "get") most = Math.max(most, ++open);
      },
      after({ method }) {
        if (method === "get") open -= 1;
      },
    });
    const { output } = await call({ ...desk, files: desk.other(watched) }, "search", { query: "needle" });
    expect(output).toMatchObject({ filesSearched: 23 });
    expect(most).toBeLessThanOrEqual(limits.parallelTools);
    expect(most).toBeGreaterThan(1);
  });
  it("leaves out results that were put aside, unless they are asked for", async () => {
    const desk = deskOf();
    await desk.write(".results/call-1.json", "needle");
    await desk.write("notes/a.md", "needle");
    await desk.write("b.md", "needle");
    expect((await matchesOf(desk, { query: "needle" }))?.matches).toEqual([
      expect.objectContaining({ path: "notes/a.md" }),
      expect.objectContaining({ path: "b.md" }),
    ]);
    expect(await matchesOf(desk, { query: "needle", path: ".results" })).toMatchObject({ filesSearched: 1 });
  });
});

describe("delete", () => {
  it("says until when the file can come back, and it can", async () => {
    const desk = deskOf();
    await desk.write("a.md", "text");
    const { output, changed } = await call(desk, "delete", { path: "a.md" });
    const [gone] = await desk.files.deleted();
    const until = (gone?.replacedAt ?? 0) + 30 * DAY_MS;
    expect(output).toEqual({ path: "a.md", deleted: true, restorableUntil: new Date(until).toISOString() });
    expect(changed).toEqual(["a.md"]);
    await desk.files.restore("a.md", gone?.id ?? "");
    expect(await desk.text("a.md")).toBe("text");
  });
  it("does not take a directory for a file", async () => {
    const desk = deskOf();
    await desk.write("d/a.md", "text");
    expect((await call(desk, "delete", { path: "d" })).error).toMatchObject({
      code: "file_unknown",
      message: /is a directory/,
    });
    expect(await desk.text("d/a.md")).toBe("text");
  });
});
