import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { CommandError } from "../../../local/lib/command.ts";
import { lockDataDir, openDataDir, resetDataDir } from "../../../local/lib/data-dir.ts";
import { createWhole, readIfThere, writeWhole } from "../../../local/lib/files.ts";
import { tryLock, waitForLock } from "../../../local/lib/lock.ts";
import { identify } from "../../../local/lib/processes.ts";
import { writeRunFile } from "../../../local/lib/run-file.ts";
import { hashOf } from "../../../local/lib/sources.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "holdfast-data-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
});

describe("a data directory", () => {
  it("is made when it is missing, for its owner only, and opened again as it was", () => {
    const path = join(root, "new/data");
    const dir = openDataDir(path);
    expect(dir.port()).toBe(8787);
    dir.rememberPort(9000);
    expect(openDataDir(path).port()).toBe(9000);
    expect(statSync(dir.access).mode & 0o777).toBe(0o700);
  });

  it("is not made inside somebody else's files", () => {
    writeFileSync(join(root, "thesis.txt"), "");
    expect(() => openDataDir(root)).toThrow(
      /not empty and was not made by Holdfast \(it holds thesis\.txt\)/,
    );
    expect(readdirSync(root)).toEqual(["thesis.txt"]);
  });

  it("is refused when its marker is of another version", () => {
    openDataDir(root);
    writeFileSync(join(root, "holdfast.json"), '{"format":2}');
    expect(() => openDataDir(root)).toThrow(CommandError);
  });

  it("belongs to one server at a time, which the error names", () => {
    const dir = openDataDir(root);
    const lock = lockDataDir(dir);
    const launcher = identify(process.pid);
    if (!launcher) throw new Error("this process has an identity");
    writeRunFile(dir.runFile, { launcher, url: "http://127.0.0.1:4242", children: [] });
    expect(() => lockDataDir(dir)).toThrow(
      `in use by a running Holdfast (process ${process.pid}, http://127.0.0.1:4242)`,
    );
    expect(() => resetDataDir(root)).toThrow(/in use/);
    lock.release();
    lockDataDir(dir).release();
  });
});

describe("reset", () => {
  it("removes what Holdfast made and nothing else", () => {
    const dir = openDataDir(root);
    writeFileSync(join(dir.state, "x"), "data");
    writeFileSync(join(root, "mine.txt"), "keep");
    mkdirSync(join(root, "photos"));
    resetDataDir(root);
    expect(readdirSync(root).sort()).toEqual(["holdfast.json", "lock", "mine.txt", "photos"]);
  });

  it("does nothing where there is nothing", () => {
    const path = join(root, "missing");
    resetDataDir(path);
    expect(existsSync(path)).toBe(false);
    resetDataDir(root);
    expect(readdirSync(root)).toEqual([]);
  });

  it("refuses a directory without the marker, even one that looks like ours", () => {
    mkdirSync(join(root, "state"));
    expect(() => resetDataDir(root)).toThrow(/nothing was removed/);
    expect(readdirSync(root)).toEqual(["state"]);
  });

  it("leaves a directory that can be opened again", () => {
    openDataDir(root).rememberPort(9000);
    resetDataDir(root);
    expect(openDataDir(root).port()).toBe(8787);
  });
});

describe("small files", () => {
  it("are replaced whole, and created only once", () => {
    const file = join(root, "f");
    expect(createWhole(file, "one", 0o600)).toBe(true);
    expect(createWhole(file, "two")).toBe(false);
    expect(readIfThere(file)).toBe("one");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    writeWhole(file, "three");
    expect(readIfThere(file)).toBe("three");
    expect(readIfThere(join(root, "g"))).toBeNull();
    expect(readdirSync(root)).toEqual(["f"]);
  });
});

describe("the lock", () => {
  it("is held by one and handed on when released", async () => {
    const file = join(root, "l");
    const first = tryLock(file);
    expect(first).not.toBeNull();
    expect(tryLock(file)).toBeNull();
    let waited = 0;
    const second = waitForLock(file, () => {
      waited++;
      first?.release();
    });
    (await second).release();
    expect(waited).toBe(1);
  });
});

describe("hashOf", () => {
  it("changes with a name, a content, or a file that comes or goes, and with nothing else", () => {
    mkdirSync(join(root, "src/skipped"), { recursive: true });
    writeFileSync(join(root, "src/a"), "1");
    writeFileSync(join(root, "src/b"), "2");
    const hash = (): string => hashOf(root, ["src", "absent"], (name) => name === "src/skipped");
    const first = hash();
    writeFileSync(join(root, "src/skipped/c"), "3");
    expect(hash()).toBe(first);
    writeFileSync(join(root, "src/a"), "12");
    writeFileSync(join(root, "src/b"), "");
    expect(hash()).not.toBe(first);
    writeFileSync(join(root, "src/a"), "1");
    writeFileSync(join(root, "src/b"), "2");
    expect(hash()).toBe(first);
    writeFileSync(join(root, "absent"), "");
    expect(hash()).not.toBe(first);
  });
});
