import { describe, expect, it } from "vitest";
import { COMMANDS, commandFrom, completionsOf, describeCommand } from "../../../src/console/chat/commands.ts";

describe("commands in the message box", () => {
  it("are known by their names", () => {
    for (const name of COMMANDS) {
      expect(commandFrom(` /${name} `)).toEqual({ name, rest: "" });
      expect(describeCommand(name)).not.toBe("");
    }
  });

  it("take words only where they mean something", () => {
    expect(commandFrom("/search low  tide")).toEqual({ name: "search", rest: "low  tide" });
    expect(commandFrom("/undo everything you did")).toBeNull();
    expect(commandFrom("/stop\nthe presses")).toBeNull();
  });

  it("leave every other text to be a message", () => {
    for (const text of ["", "/", "/unknown", "/undoing", "/etc/hosts", "undo", "please /undo", "/UNDO"]) {
      expect(commandFrom(text)).toBeNull();
    }
  });

  it("are offered while their name is being typed, and no longer", () => {
    expect(completionsOf("/")).toEqual([...COMMANDS]);
    expect(completionsOf("/s")).toEqual(["stop", "search"]);
    expect(completionsOf("/undo")).toEqual(["undo"]);
    for (const text of ["", "a/", " /", "/search ", "/x", "/un\n"]) expect(completionsOf(text)).toEqual([]);
  });
});
