import { env } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { limits } from "../../../src/limits.ts";
import { filesPrefix, versionsPrefix } from "../../../src/names.ts";
import { TOMBSTONE_MS } from "../../../src/tools/files/store.ts";
import { DAY_MS, deskOf } from "./support.ts";

const code = (expected: string) => expect.objectContaining({ code: expected });

describe("an overwrite", () => {
  it("leaves the previous content as a version, newest first", async () => {
    const { files, write, kept, pass, now } = deskOf();
    for (const text of ["one", "two", "three"]) {
      await write("a.md", text);
      pass(1_000);
    }
    expect(await kept("a.md")).toEqual(["two", "one"]);
    const versions = await files.versions("a.md");
    expect(versions).toEqual([
      expect.objectContaining({ path: "a.md", sizeBytes: 3, reason: "overwritten" }),
      expect.objectContaining({ path: "a.md", sizeBytes: 3, reason: "overwritten" }),
    ]);
    expect(versions[0]?.replacedAt).toBeGreaterThan(versions[1]?.replacedAt ?? 0);
    expect(versions[0]?.replacedAt).toBeLessThan(now());
  });
  it("notes on the version why and when it stopped being current, and what it was", async () => {
    const { files, user } = deskOf();
    await files.write("pic", "bytes", { mediaType: "image/png" });
    await files.write("pic", "other");
    const [version] = await files.versions("pic");
    const object = await env.FILES.head(`${versionsPrefix(user)}pic//${version?.id}`);
    expect(object?.customMetadata).toMatchObject({
      reason: "overwritten",
      replacedAt: String(version?.replacedAt),
      mediaType: "image/png",
    });
  });
});

describe("a deletion", () => {
  it("takes the file away and lists it among those that can come back", async () => {
    const { files, write, user } = deskOf();
    await write("notes/a.md", "text");
    await files.delete("notes/a.md");
    expect(await files.stat("notes/a.md")).toBeNull();
    await expect(files.read("notes/a.md")).rejects.toEqual(code("file_unknown"));
    expect((await files.list("")).entries).toEqual([]);
    expect(await env.FILES.head(`${filesPrefix(user)}notes/a.md`)).toBeNull();
    expect(await files.deleted()).toEqual([
      expect.objectContaining({ path: "notes/a.md", reason: "deleted", sizeBytes: 4 }),
    ]);
  });
  it("lists each deleted file once, newest first, and not those that are back", async () => {
    const { files, write, pass } = deskOf();
    for (const path of ["a", "b", "c"]) {
      await write(path, `${path}1`);
      await write(path, `${path}2`);
      await files.delete(path);
      pass(10);
    }
    await write("b", "b3");
    expect((await files.deleted()).map(({ path }) => path)).toEqual(["c", "a"]);
  });
  it("lists a file that went without a deletion of ours, because its version brings it back", async () => {
    const { files, write, user, text } = deskOf();
    await write("a", "one");
    await write("a", "two");
    await env.FILES.delete(`${filesPrefix(user)}a`); // a mount did this
    const [gone] = await files.deleted();
    expect(gone).toMatchObject({ path: "a", reason: "overwritten" });
    await files.restore("a", gone?.id ?? "");
    expect(await text("a")).toBe("one");
  });
});

describe("a restore", () => {
  it("brings a deleted file back with its type", async () => {
    const { files, text } = deskOf();
    await files.write("pic", "pixels", { mediaType: "image/png" });
    await files.delete("pic");
    const [version] = await files.deleted();
    const info = await files.restore("pic", version?.id ?? "");
    expect(info).toMatchObject({ path: "pic", sizeBytes: 6, mediaType: "image/png" });
    expect(await text("pic")).toBe("pixels");
    expect(await files.deleted()).toEqual([]);
  });
  it("makes a version of what it replaces, so that it can be undone", async () => {
    const { files, write, text, kept } = deskOf();
    await write("a", "one");
    await write("a", "two");
    const [one] = await files.versions("a");
    await files.restore("a", one?.id ?? "");
    expect(await text("a")).toBe("one");
    expect(await kept("a")).toEqual(["two", "one"]);
    const [two] = await files.versions("a");
    await files.restore("a", two?.id ?? "");
    expect(await text("a")).toBe("two");
  });
  it("knows only versions of this path", async () => {
    const { files, write } = deskOf();
    await write("a", "one");
    await write("a", "two");
    await write("b", "b");
    const id = (await files.versions("a"))[0]?.id ?? "";
    await expect(files.restore("b", id)).rejects.toEqual(code("version_unknown"));
    for (const bad of ["", "x", "../a", `../a//${id}`, `${id}/`, id.toUpperCase(), `${id}0`, "//upload/x"]) {
      await expect(files.restore("a", bad)).rejects.toEqual(code("version_unknown"));
    }
  });
});

describe("thirty days later", () => {
  it("a version is gone, one day before it is not", async () => {
    const { files, write, pass, kept, keys } = deskOf();
    await write("a", "one");
    await write("a", "two");
    await write("b", "b");
    await files.delete("b");
    pass(limits.versionsKeptMs - DAY_MS);
    expect(await kept("a")).toEqual(["one"]);
    expect((await files.deleted()).map(({ path }) => path)).toEqual(["b"]);
    const id = (await files.versions("a"))[0]?.id ?? "";
    pass(DAY_MS + 60_000);
    await expect(files.restore("a", id)).rejects.toEqual(code("version_unknown"));
    expect(await keys()).toHaveLength(3);
    expect(await files.versions("a")).toEqual([]);
    expect(await files.deleted()).toEqual([]);
    expect(await keys()).toHaveLength(1); // both were cleared away, the file stays
  });
  it("a write clears its own file's old versions away, and no others", async () => {
    const { files, write, pass, kept, keys } = deskOf();
    for (let i = 0; i < 5; i++) await write("a", `a${i}`);
    for (let i = 0; i < 2; i++) await write("a/b", `b${i}`);
    pass(limits.versionsKeptMs + 60_000);
    await write("a", "new");
    // Counted before anything is listed, because listings clear away too.
    expect((await keys()).filter((key) => key.includes("/a//"))).toHaveLength(1);
    expect((await keys()).filter((key) => key.includes("/a/b//"))).toHaveLength(1);
    expect(await kept("a")).toEqual(["a4"]);
    expect(await files.versions("a/b")).toEqual([]);
  });
});

describe("what a crash may leave behind", () => {
  it("a tombstone is no file, gives way to a new one, and is cleared away when nobody works on it", async () => {
    const { files, write, text, pass, user } = deskOf();
    const put = () =>
      env.FILES.put(`${filesPrefix(user)}d/a`, "tombstone", { customMetadata: { deleted: "1" } });
    await write("d/a", "old");
    await files.delete("d/a");
    await put();
    expect(await files.stat("d/a")).toBeNull();
    await expect(files.read("d/a")).rejects.toEqual(code("file_unknown"));
    await expect(files.delete("d/a")).rejects.toEqual(code("file_unknown"));
    expect((await files.list("d")).entries).toEqual([]);
    expect((await files.walk("")).files).toEqual([]);
    expect((await files.deleted()).map(({ path }) => path)).toEqual(["d/a"]);

    const { created } = await files.write("d/a", "new", { ifEtag: null });
    expect(created).toBe(true);
    expect(await text("d/a")).toBe("new");

    await put();
    await files.list("d");
    expect(await env.FILES.head(`${filesPrefix(user)}d/a`)).not.toBeNull();
    pass(TOMBSTONE_MS + 1_000);
    await files.list("d");
    expect(await env.FILES.head(`${filesPrefix(user)}d/a`)).toBeNull();
  });
  it("a staged upload is cleared away after a day, and never shown", async () => {
    const { files, pass, user, keys } = deskOf();
    await env.FILES.put(`${versionsPrefix(user)}//upload/abc`, "half an upload");
    expect(await files.deleted()).toEqual([]);
    expect(await keys()).toHaveLength(1);
    pass(DAY_MS + 60_000);
    expect(await files.deleted()).toEqual([]);
    expect(await keys()).toEqual([]);
  });
});
