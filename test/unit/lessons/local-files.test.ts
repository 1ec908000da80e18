/** A look that failed says nothing about what is there: files that cannot be read are never made anew. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openKeys, rotateKeys } from "../../../local/issuer/keys.ts";
import { openDataDir, resetDataDir } from "../../../local/lib/data-dir.ts";
import { readIfThere } from "../../../local/lib/files.ts";
import { openMasterKeys } from "../../../local/lib/master-keys.ts";
import { parseMasterKeys } from "../../../src/keyring.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-files-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Something is at the path and cannot be read as a file, whoever asks. */
function unreadable(name: string): string {
  const path = join(folder, name);
  mkdirSync(path);
  writeFileSync(join(path, "kept"), "still here");
  return path;
}
const untouched = (path: string) => expect(readFileSync(join(path, "kept"), "utf8")).toBe("still here");

describe("a file that cannot be read", () => {
  it("is an error, and only one that is not there is absent", () => {
    const path = unreadable("something");
    expect(() => readIfThere(path)).toThrow();
    // A file in the way of a folder: nothing can be below it, but that is no answer to whether it was there.
    writeFileSync(join(folder, "file"), "");
    expect(() => readIfThere(join(folder, "file", "below"))).toThrow();
    expect(readIfThere(join(folder, "nothing"))).toBeNull();
  });

  it("is not replaced by new keys: what the old ones sealed and signed would be lost", async () => {
    const master = unreadable("master-keys");
    expect(() => openMasterKeys(folder)).toThrow();
    untouched(master);
    const signing = unreadable("keys.json");
    await expect(openKeys(folder)).rejects.toThrow();
    await expect(rotateKeys(folder)).rejects.toThrow();
    untouched(signing);
  });

  it("does not make a data directory look new, or like somebody else's", () => {
    const marker = unreadable("holdfast.json");
    expect(() => openDataDir(folder)).toThrow();
    expect(() => resetDataDir(folder)).toThrow();
    untouched(marker);
  });
});

describe("a file of keys that a crash has left empty or half", () => {
  it.each(["", "{", '{"keys":[]}'])("%j is an error, and stays as it is", async (text) => {
    const file = join(folder, "keys.json");
    writeFileSync(file, text);
    await expect(openKeys(folder)).rejects.toThrow();
    await expect(rotateKeys(folder)).rejects.toThrow();
    expect(readFileSync(file, "utf8")).toBe(text);
  });

  it.each(["", "k1:", "k1:c2hvcnQ="])("%j is told as a problem, and stays as it is", (text) => {
    const file = join(folder, "master-keys");
    writeFileSync(file, text);
    const { keys, problems } = parseMasterKeys(openMasterKeys(folder));
    expect(keys).toEqual([]);
    expect(problems).not.toEqual([]);
    expect(readFileSync(file, "utf8")).toBe(text);
  });
});

describe("a reset", () => {
  it("empties nothing when it cannot tell whose the directory is", () => {
    openDataDir(folder);
    writeFileSync(join(folder, "state", "journal.sqlite"), "a year of chats");
    writeFileSync(join(folder, "holdfast.json"), "{");
    expect(() => resetDataDir(folder)).toThrow("not a marker");
    expect(existsSync(join(folder, "state", "journal.sqlite"))).toBe(true);
  });
});
