import { env } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { filesPrefix } from "../../../src/names.ts";
import { RACES, SAME_KEY_WAITS_MS } from "../../../src/tools/files/store.ts";
import { type BucketCall, deskOf, newUser, patterned, streamed, type Tap, tapped } from "./support.ts";

const code = (expected: string) => expect.objectContaining({ code: expected });
const isFile = ({ key }: BucketCall) => key.startsWith("s/");
const isVersion = ({ key }: BucketCall) => key.startsWith("v/");
const broken = (text = "put: We encountered an internal error. Please try again. (10001)") => new Error(text);
const everyText = async (desk: ReturnType<typeof deskOf>, path: string) =>
  new Set([...(await desk.kept(path)), await desk.text(path)]);

describe("several writers at once", () => {
  it("lose nothing: every text is the file or one of its versions", async () => {
    const desk = deskOf();
    await desk.write("a", "start");
    const texts = Array.from({ length: 4 }, (_, i) => `writer ${i}`);
    await Promise.all(texts.map((text) => desk.other().write("a", text)));
    expect(await everyText(desk, "a")).toEqual(new Set(["start", ...texts]));
  });
  it("lose nothing when all of them create the file", async () => {
    const desk = deskOf();
    const texts = Array.from({ length: 4 }, (_, i) => `writer ${i}`);
    const results = await Promise.all(texts.map((text) => desk.other().write("new", text)));
    expect(results.filter(({ created }) => created)).toHaveLength(1);
    expect(await everyText(desk, "new")).toEqual(new Set(texts));
  });
  it("take turns inside one workspace, however many they are", async () => {
    const desk = deskOf();
    const texts = Array.from({ length: 12 }, (_, i) => `writer ${i}`);
    await Promise.all(texts.map((text) => desk.write("a", text)));
    expect(await everyText(desk, "a")).toEqual(new Set(texts));
    expect(await desk.kept("a")).toHaveLength(11); // in turn, so no content was copied twice
  });
  it("with one etag: one wins, the others are kept beside it", async () => {
    const desk = deskOf();
    const { file } = await desk.files.write("a.md", "start");
    const results = await Promise.all(
      ["one", "two", "three"].map((text) => desk.other().write("a.md", text, { ifEtag: file.etag })),
    );
    expect(results.filter(({ conflict }) => !conflict)).toHaveLength(1);
    const texts = await Promise.all(results.map(({ file: { path } }) => desk.text(path)));
    expect(texts).toEqual(["one", "two", "three"]);
    expect(await desk.kept("a.md")).toEqual(["start"]);
  });
  it("lists a content that two of them copied once", async () => {
    const user = newUser();
    const desk = deskOf(user);
    await desk.write("a", "start");
    // Ours copies the version, then somebody else is faster.
    let faster = false;
    const bucket = tapped({
      async before(call) {
        if (call.method !== "put" || !isFile(call) || faster) return;
        faster = true;
        await desk.write("a", "faster");
      },
    });
    await desk.other(bucket).write("a", "slower");
    expect(await desk.text("a")).toBe("slower");
    expect((await desk.kept("a")).sort()).toEqual(["faster", "start"]);
  });
});

describe("somebody faster, at every step", () => {
  const steps: [string, (call: BucketCall) => boolean][] = [
    ["before the look", (call) => call.method === "head"],
    ["before the copy", (call) => call.method === "get" && isFile(call)],
    ["after the copy", (call) => call.method === "put" && isVersion(call)],
    ["before the put", (call) => call.method === "put" && isFile(call)],
  ];
  it.each(steps)("%s: an overwrite keeps their text", async (_, isStep) => {
    const desk = deskOf();
    await desk.write("a", "start");
    let done = false;
    const bucket = tapped({
      async before(call) {
        if (done || !isStep(call)) return;
        done = true;
        await desk.write("a", "theirs");
      },
    });
    await desk.other(bucket).write("a", "ours");
    expect(done).toBe(true);
    expect(await desk.text("a")).toBe("ours");
    expect(await everyText(desk, "a")).toEqual(new Set(["start", "theirs", "ours"]));
  });
  it.each([...steps, ["before the tombstone goes", (call: BucketCall) => call.method === "delete"] as const])(
    "%s: a deletion keeps their text",
    async (_, isStep) => {
      const desk = deskOf();
      await desk.write("a", "start");
      let done = false;
      const bucket = tapped({
        async before(call) {
          if (done || !isStep(call)) return;
          done = true;
          await desk.write("a", "theirs");
        },
      });
      await desk.other(bucket).delete("a");
      expect(done).toBe(true);
      expect(await desk.files.stat("a")).toBeNull();
      expect(new Set(await desk.kept("a"))).toEqual(new Set(["start", "theirs"]));
      const [gone] = await desk.files.deleted();
      await desk.files.restore("a", gone?.id ?? "");
      expect(await desk.text("a")).toBe("theirs");
    },
  );
  it("gives up after a bounded number of attempts, and says that nothing was changed", async () => {
    const desk = deskOf();
    await desk.write("a", "start");
    let writes = 0;
    const calls: BucketCall[] = [];
    const tap: Tap = {
      async before(call) {
        if (call.method === "put" && isFile(call)) await desk.write("a", `theirs ${++writes}`);
      },
    };
    await expect(desk.other(tapped(tap, calls)).write("a", "ours")).rejects.toEqual(code("file_conflict"));
    expect(calls.filter((call) => call.method === "put" && isFile(call))).toHaveLength(RACES);
    expect(await desk.text("a")).toBe(`theirs ${RACES}`);
  });
  it("puts a staged upload again when it lost, without asking the client for it again", async () => {
    const desk = deskOf();
    await desk.write("a", "start");
    const bytes = patterned(9 * 1024 * 1024);
    let done = false;
    const bucket = tapped({
      async before(call) {
        if (done || call.method !== "put" || !isFile(call)) return;
        done = true;
        await desk.write("a", "theirs");
      },
    });
    const { file } = await desk.other(bucket).write("a", streamed(bytes, 1_000_000));
    expect(file.sizeBytes).toBe(bytes.length);
    expect(new Set(await desk.kept("a"))).toEqual(new Set(["start", "theirs"]));
    expect((await desk.keys()).filter((key) => key.includes("//upload/"))).toEqual([]);
  });
});

describe("R2 fails", () => {
  const failing = (fails: (call: BucketCall) => boolean) =>
    tapped({
      before(call) {
        if (fails(call)) throw broken();
      },
    });

  it("what cannot be kept is not overwritten and not deleted", async () => {
    const desk = deskOf();
    await desk.write("a", "precious");
    const files = desk.other(failing((call) => call.method === "put" && isVersion(call)));
    await expect(files.write("a", "ours")).rejects.toEqual(code("storage_failed"));
    await expect(files.delete("a")).rejects.toEqual(code("storage_failed"));
    await expect(files.update("a", () => ({ text: "x", note: "" }))).rejects.toEqual(code("storage_failed"));
    expect(await desk.text("a")).toBe("precious");
    expect(await desk.kept("a")).toEqual([]);
  });
  it("a version that was kept only in part does not count", async () => {
    const desk = deskOf();
    await desk.write("a", "precious");
    const shortened = new Proxy(env.FILES, {
      get: (bucket, name: "put") => async (key: string, body: ReadableStream, options: R2PutOptions) => {
        if (name !== "put") return await Reflect.apply(bucket[name], bucket, [key, body]);
        const isVersionKey = key.startsWith("v/");
        if (isVersionKey) await body.cancel();
        return await bucket.put(key, isVersionKey ? "pre" : body, options);
      },
    });
    await expect(desk.other(shortened).write("a", "ours")).rejects.toEqual(code("storage_failed"));
    await expect(desk.other(shortened).delete("a")).rejects.toEqual(code("storage_failed"));
    expect(await desk.text("a")).toBe("precious");
  });
  it("a failed look is an error, never an absent file", async () => {
    const desk = deskOf();
    await desk.write("a", "precious");
    const files = desk.other(
      failing((call) => call.method === "head" || call.method === "list" || call.method === "get"),
    );
    for (const attempt of [
      () => files.stat("a"),
      () => files.read("a"),
      () => files.list(""),
      () => files.walk(""),
      () => files.versions("a"),
      () => files.deleted(),
      () => files.write("a", "ours"),
      () => files.write("a", "ours", { ifEtag: null }),
      () => files.delete("a"),
      () => files.write("b", "ours", { key: "k" }),
    ]) {
      await expect(attempt()).rejects.toEqual(code("storage_failed"));
    }
    expect(await desk.text("a")).toBe("precious");
    expect(await desk.keys()).toHaveLength(1);
  });
  it("says that nothing was changed, says to try again, and keeps the cause for the log", async () => {
    const desk = deskOf();
    await desk.write("a", "before");
    const error: unknown = await desk
      .other(failing((call) => call.method === "put" && isFile(call)))
      .write("a", "ours")
      .catch((it: unknown) => it);
    expect(error).toMatchObject({
      code: "storage_failed",
      message: expect.stringMatching(/Nothing was changed; try again/),
      cause: expect.objectContaining({ message: expect.stringContaining("10001") }),
    });
    expect(await desk.text("a")).toBe("before");
  });
  it("a put that arrived although its answer was lost counts", async () => {
    const desk = deskOf();
    await desk.write("a", "before");
    const bucket = tapped({
      after(call) {
        if (call.method === "put" && isFile(call)) throw broken("Network connection lost.");
      },
    });
    const { file, created } = await desk.other(bucket).write("a", "ours");
    expect(created).toBe(false);
    expect(await desk.files.stat("a")).toEqual(file);
    expect(await desk.kept("a")).toEqual(["before"]);
  });
  it("does not claim to know what it cannot know", async () => {
    const desk = deskOf();
    await desk.write("a", "before");
    let puts = 0;
    const bucket = tapped({
      before(call) {
        if (call.method === "head" && puts > 0) throw broken();
        if (call.method === "put" && isFile(call)) {
          puts += 1;
          throw broken();
        }
      },
    });
    await expect(desk.other(bucket).write("a", "ours")).rejects.toMatchObject({
      code: "storage_failed",
      message: expect.stringMatching(/may have happened or not\. Nothing is lost/),
    });
  });
  it("clearing away is not worth an error, only a line in the log", async () => {
    const warned = vi.spyOn(console, "warn").mockImplementation(() => {});
    const desk = deskOf();
    await desk.write("a", "before");
    const files = desk.other(
      failing((call) => call.method === "delete" || (call.method === "list" && isVersion(call))),
    );
    await files.write("a", "ours");
    await files.delete("a");
    expect(await files.stat("a")).toBeNull();
    expect((await desk.files.deleted()).map(({ path }) => path)).toEqual(["a"]);
    expect(warned).toHaveBeenCalled();
    warned.mockRestore();
  });
  it("an upload that fails in the middle leaves nothing behind", async () => {
    const desk = deskOf();
    await desk.write("a", "before");
    const bucket = tapped({
      before(call) {
        if (call.method === "put" && isVersion(call)) throw broken();
      },
    });
    const body = streamed(patterned(9 * 1024 * 1024), 1_000_000);
    await expect(desk.other(bucket).write("a", body)).rejects.toEqual(code("storage_failed"));
    expect(await desk.text("a")).toBe("before");
    expect(await desk.keys()).toHaveLength(1);
  });
});

describe("one write a second for one key", () => {
  const limited = (times: number, calls: BucketCall[] = []) => {
    let left = times;
    return tapped(
      {
        before(call) {
          if ((call.method === "put" || call.method === "delete") && isFile(call) && left-- > 0) {
            throw broken("put: Reduce your concurrent request rate for the same object. (10058)");
          }
        },
      },
      calls,
    );
  };
  it("is waited for", async () => {
    const desk = deskOf();
    await desk.write("a", "one");
    await desk.other(limited(2)).write("a", "two");
    expect(desk.waits).toEqual(SAME_KEY_WAITS_MS);
    expect(await desk.text("a")).toBe("two");
    expect(await desk.kept("a")).toEqual(["one"]);
  });
  it("is an error in the end, and nothing was changed", async () => {
    const desk = deskOf();
    await desk.write("a", "one");
    await expect(desk.other(limited(99)).write("a", "two")).rejects.toEqual(code("storage_failed"));
    expect(desk.waits).toHaveLength(SAME_KEY_WAITS_MS.length);
    expect(await desk.text("a")).toBe("one");
  });
  it("lets a deletion end even if its last step has to wait for a listing", async () => {
    const warned = vi.spyOn(console, "warn").mockImplementation(() => {});
    const desk = deskOf();
    await desk.write("a", "one");
    const bucket = tapped({
      before(call) {
        if (call.method === "delete") throw broken("delete: Reduce your concurrent request rate. (10058)");
      },
    });
    await desk.other(bucket).delete("a");
    expect(await env.FILES.head(`${filesPrefix(desk.user)}a`)).not.toBeNull();
    expect(await desk.files.stat("a")).toBeNull();
    desk.pass(61_000);
    await desk.files.list("");
    expect(await env.FILES.head(`${filesPrefix(desk.user)}a`)).toBeNull();
    warned.mockRestore();
  });
});
