import { env } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { limits } from "../../../src/limits.ts";
import { filesPrefix, versionsPrefix } from "../../../src/names.ts";
import { PART_BYTES } from "../../../src/tools/files/content.ts";
import { openWorkspace } from "../../../src/tools/files/workspace.ts";
import { deskOf, LOTS, newUser, patterned, sha256, streamed } from "./support.ts";

const code = (expected: string) => expect.objectContaining({ code: expected });

describe("writing and reading", () => {
  it("gives back what was written, however it came", async () => {
    const { files, text } = deskOf();
    const bodies = [
      "héllo",
      new TextEncoder().encode("héllo"),
      new TextEncoder().encode("héllo").slice().buffer as ArrayBuffer, // a view of its own memory
      streamed(new TextEncoder().encode("héllo"), 2),
    ];
    for (const [i, body] of bodies.entries()) {
      const { file, created } = await files.write(`/notes/./${i}.md`, body);
      expect(file).toMatchObject({ path: `notes/${i}.md`, sizeBytes: 6, mediaType: "text/markdown" });
      expect(created).toBe(true);
      expect(await text(`notes/${i}.md`)).toBe("héllo");
      expect(await files.stat(`notes\\${i}.md`)).toEqual(file);
    }
  });
  it("changes the etag, the size and the time with the content", async () => {
    const { files } = deskOf();
    const first = await files.write("a.txt", "one");
    const second = await files.write("a.txt", "three");
    expect(first.created).toBe(true);
    expect(second.created).toBe(false);
    expect(second.file.etag).not.toBe(first.file.etag);
    expect(second.file.sizeBytes).toBe(5);
    expect(second.file.modifiedAt).toBeGreaterThanOrEqual(first.file.modifiedAt);
  });
  it("keeps a media type that was stated, and states one itself otherwise", async () => {
    const { files } = deskOf();
    await files.write("a.bin", "x", { mediaType: "image/png" });
    expect(await files.stat("a.bin")).toMatchObject({ mediaType: "image/png" });
    await files.write("b.csv", "x", { mediaType: "evil\r\nheader: 1" });
    expect(await files.stat("b.csv")).toMatchObject({ mediaType: "text/csv" });
  });
  it("knows a file that is not there", async () => {
    const { files } = deskOf();
    await expect(files.read("nope.txt")).rejects.toEqual(code("file_unknown"));
    await expect(files.delete("nope.txt")).rejects.toEqual(code("file_unknown"));
    expect(await files.stat("nope.txt")).toBeNull();
    expect(await files.versions("nope.txt")).toEqual([]);
    expect(await files.deleted()).toEqual([]);
  });
  it("copies bytes that the caller goes on using", async () => {
    const { files, text } = deskOf();
    const bytes = new TextEncoder().encode("mine");
    const writing = files.write("a.txt", bytes);
    bytes.fill(120);
    await writing;
    expect(await text("a.txt")).toBe("mine");
  });
});

describe("streams of unknown length", () => {
  it.each([
    ["empty", 0, 10],
    ["smaller than one part", 100_000, 999],
    ["exactly one part", PART_BYTES, 1_000_003],
    ["two parts and a rest, in chunks larger than a part", 2 * PART_BYTES + 12_345, PART_BYTES + 7],
  ])("%s", LOTS, async (_, length, chunk) => {
    const { files, keys } = deskOf();
    const bytes = patterned(length);
    const { file } = await files.write("big.bin", streamed(bytes, chunk));
    expect(file.sizeBytes).toBe(length);
    const back = await new Response((await files.read("big.bin")).body).arrayBuffer();
    expect(await sha256(back)).toBe(await sha256(bytes));
    expect((await keys()).map((key) => key.split("/").at(-1))).toEqual(["big.bin"]); // nothing staged is left
  });
  it("refuses what is larger than an upload may be, and keeps the file as it was", LOTS, async () => {
    const { files, text, keys } = deskOf();
    await files.write("a.bin", "before");
    let cancelled = false;
    const chunk = new Uint8Array(4 * 1024 * 1024);
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(chunk),
      cancel() {
        cancelled = true;
      },
    });
    await expect(files.write("a.bin", endless)).rejects.toEqual(code("body_too_large"));
    expect(cancelled).toBe(true);
    expect(await text("a.bin")).toBe("before");
    expect(await keys()).toHaveLength(1);
    await expect(files.write("a.bin", new Uint8Array(limits.uploadBytes + 1))).rejects.toEqual(
      code("body_too_large"),
    );
  });
  it("leaves the file alone when the stream breaks off, early or late", async () => {
    const { files, text, keys } = deskOf();
    await files.write("a.bin", "before");
    for (const length of [10, PART_BYTES + 10]) {
      let sent = false;
      const broken = new ReadableStream<Uint8Array>({
        pull(controller) {
          if (sent) return controller.error(new Error("the client went away"));
          sent = true;
          controller.enqueue(new Uint8Array(length));
        },
      });
      await expect(files.write("a.bin", broken)).rejects.toThrow("the client went away");
      expect(await text("a.bin")).toBe("before");
      expect(await keys()).toHaveLength(1);
    }
  });
});

describe("directories", () => {
  it("lists one level, directories first, by name", async () => {
    const { files, write } = deskOf();
    for (const path of ["b.txt", "a.txt", "z/1", "z/2", "m/deep/er/x", "a/in"]) await write(path, path);
    const root = await files.list("/");
    expect(root.truncated).toBe(false);
    expect(root.entries.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      "directory a",
      "directory m",
      "directory z",
      "file a.txt",
      "file b.txt",
    ]);
    expect(root.entries.at(-1)).toMatchObject({ path: "b.txt", sizeBytes: 5 });
    expect((await files.list("m/deep")).entries).toEqual([
      { name: "er", path: "m/deep/er", kind: "directory" },
    ]);
    expect((await files.list("nothing")).entries).toEqual([]);
    await expect(files.list("../")).rejects.toEqual(code("path_invalid"));
  });
  it("is not confused by a file and a directory of one name, or names that begin alike", async () => {
    const { files, write, text, kept } = deskOf();
    for (const path of ["a", "a/b", "a/b/c", "ab", "a b"]) await write(path, path);
    await write("a", "a again");
    expect((await files.list("")).entries.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      "directory a",
      "file a",
      "file a b",
      "file ab",
    ]);
    expect((await files.list("a")).entries.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      "directory b",
      "file b",
    ]);
    expect((await files.walk("a")).files.map(({ path }) => path)).toEqual(["a/b", "a/b/c"]);
    expect(await kept("a")).toEqual(["a"]);
    expect(await kept("a/b")).toEqual([]);
    await files.delete("a");
    expect(await text("a/b")).toBe("a/b");
    expect((await files.deleted()).map(({ path }) => path)).toEqual(["a"]);
  });
  it("walks every file below a directory", async () => {
    const { files, write } = deskOf();
    for (const path of ["x/2", "x/1/b", "x/1/a", "y"]) await write(path, path);
    const walked = await files.walk("x");
    expect(walked.files.map(({ path }) => path)).toEqual(["x/1/a", "x/1/b", "x/2"]);
    expect(walked.files[0]).toEqual(await files.stat("x/1/a"));
    expect((await files.walk("")).files).toHaveLength(4);
  });
  it("shows no marker objects that a mount makes for directories", async () => {
    const { files, user } = deskOf();
    await env.FILES.put(`${filesPrefix(user)}empty/`, "");
    expect((await files.list("")).entries).toEqual([{ name: "empty", path: "empty", kind: "directory" }]);
    expect((await files.list("empty")).entries).toEqual([]);
    expect((await files.walk("")).files).toEqual([]);
  });
  it("says when a listing is cut, and goes through pages before that", LOTS, async () => {
    const { files, user } = deskOf();
    const count = limits.listEntries + 5;
    const names = Array.from({ length: count }, (_, i) => `f${String(i).padStart(5, "0")}`);
    for (let at = 0; at < count; at += 50) {
      await Promise.all(
        names.slice(at, at + 50).map((name) => env.FILES.put(`${filesPrefix(user)}d/${name}`, "")),
      );
    }
    const listed = await files.list("d");
    expect(listed.truncated).toBe(true);
    expect(listed.entries.map(({ name }) => name)).toEqual(names.slice(0, limits.listEntries));
    const walked = await files.walk("");
    expect(walked.truncated).toBe(true);
    expect(walked.files).toHaveLength(limits.listEntries);
    for (const name of names.slice(limits.listEntries))
      await env.FILES.delete(`${filesPrefix(user)}d/${name}`);
    expect((await files.list("d")).truncated).toBe(false);
    expect((await files.walk("d")).truncated).toBe(false);
  });
});

describe("conditional writes", () => {
  it("writes when the file is as it was", async () => {
    const { files, text } = deskOf();
    const { file } = await files.write("a.md", "one", { ifEtag: null });
    const { conflict } = await files.write("a.md", "two", { ifEtag: file.etag });
    expect(conflict).toBeUndefined();
    expect(await text("a.md")).toBe("two");
  });
  it("keeps both when it is not, and says where ours went", async () => {
    const { files, text, kept } = deskOf();
    const { file } = await files.write("notes/a.md", "one");
    await files.write("notes/a.md", "theirs");
    const result = await files.write("notes/a.md", "ours", { ifEtag: file.etag });
    expect(result.conflict?.keptAs).toMatch(/^notes\/a \(conflict [0-9a-f]{8}\)\.md$/);
    expect(result.file.path).toBe(result.conflict?.keptAs);
    expect(await text("notes/a.md")).toBe("theirs");
    expect(await text(result.file.path)).toBe("ours");
    expect(await kept("notes/a.md")).toEqual(["one"]);
  });
  it("keeps both when the file is there and should not be, or is gone and should be there", async () => {
    const { files, text } = deskOf();
    const { file } = await files.write("a.md", "theirs");
    const there = await files.write("a.md", "ours", { ifEtag: null });
    expect(await text(there.conflict?.keptAs ?? "")).toBe("ours");
    await files.delete("a.md");
    const gone = await files.write("a.md", "ours again", { ifEtag: file.etag });
    expect(await text(gone.conflict?.keptAs ?? "")).toBe("ours again");
    expect(await files.stat("a.md")).toBeNull();
    expect(gone.conflict?.keptAs).not.toBe(there.conflict?.keptAs);
  });
  it("takes an etag from outside as text, whatever it holds", async () => {
    const { files, text } = deskOf();
    await files.write("a.md", "theirs");
    for (const ifEtag of ['"quoted"', "*", "", "a, b"]) {
      expect((await files.write("a.md", "ours", { ifEtag })).conflict).toBeDefined();
    }
    expect(await text("a.md")).toBe("theirs");
  });
});

describe("one user's files", () => {
  it("are out of reach for another, in every call", async () => {
    const alice = deskOf();
    const bob = deskOf();
    await alice.write("secret.txt", "alice's");
    await alice.write("secret.txt", "alice's new");
    await alice.write("gone.txt", "alice's");
    await alice.files.delete("gone.txt");
    const [version] = await alice.files.versions("secret.txt");
    for (const attempt of [
      () => bob.files.read("secret.txt"),
      () => bob.files.read(`../${alice.user}/secret.txt`),
      () => bob.files.read(`..%2f${alice.user}%2fsecret.txt`),
      () => bob.files.restore("secret.txt", version?.id ?? ""),
      () => bob.files.restore("x", `../../${alice.user}/secret.txt//${version?.id}`),
      () => bob.files.restore(`../${alice.user}/secret.txt`, version?.id ?? ""),
      () => bob.files.delete("secret.txt"),
    ]) {
      await expect(attempt()).rejects.toEqual(
        expect.objectContaining({
          code: expect.stringMatching(/^(file_unknown|path_invalid|version_unknown)$/),
        }),
      );
    }
    expect((await bob.files.walk("")).files).toEqual([]);
    expect((await bob.files.list("")).entries).toEqual([]);
    expect(await bob.files.deleted()).toEqual([]);
    expect(await bob.files.versions("secret.txt")).toEqual([]);
    await bob.write("secret.txt", "bob's");
    expect(await alice.text("secret.txt")).toBe("alice's new");
    const strangers = (await bob.keys()).filter((key) => !key.includes(bob.user));
    expect(strangers).toEqual([]);
  });
  it("begin at prefixes that end in a slash and lie apart, or the workspace does not open", () => {
    const user = newUser();
    const open = (files: string, versions: string) => () =>
      openWorkspace({ bucket: env.FILES, files, versions, now: () => 0, id: () => "x" });
    expect(open(filesPrefix(user), versionsPrefix(user))).not.toThrow();
    expect(open("s/u1", "v/u1/")).toThrow("slash");
    expect(open("", "v/u1/")).toThrow("slash");
    expect(open("s//", "v/u1/")).toThrow("slash");
    expect(open("s/u1/", "s/u1/versions/")).toThrow("apart");
  });
});
