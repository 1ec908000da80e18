import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { mediaTypeFrom, mediaTypeOf } from "../../../src/tools/files/media.ts";
import { toolByName, toolDefinitions, tools } from "../../../src/tools/registry.ts";

describe("the list of tools", () => {
  it("has each tool once, in an order that does not change", () => {
    expect(tools().map((tool) => tool.name)).toEqual([
      "read",
      "write",
      "edit",
      "list",
      "search",
      "delete",
      "schedule",
    ]);
    for (const tool of tools()) expect(toolByName(tool.name)).toBe(tool);
    expect(toolByName("constructor")).toBeUndefined();
  });
  it("gives every tool what the loop relies on", () => {
    for (const tool of tools()) {
      expect(tool.name).toMatch(/^[a-z][a-z_]{1,40}$/);
      expect(tool.description.length).toBeGreaterThan(80);
      expect(tool.description.length).toBeLessThan(1_024);
      expect(tool.timeoutMs).toBeGreaterThan(0);
      expect(tool).toMatchObject({ risk: "auto", replay: "safe" });
    }
  });
  it("describes inputs as JSON Schema objects, closed, with a description for each field", () => {
    const required = Object.fromEntries(
      toolDefinitions().map((it) => [it.name, it.inputSchema.required ?? []]),
    );
    expect(required).toEqual({
      read: ["path"],
      write: ["path", "text"],
      edit: ["path", "find", "replace"],
      list: [],
      search: ["query"],
      delete: ["path"],
      schedule: ["action"],
    });
    for (const { inputSchema } of toolDefinitions()) {
      expect(inputSchema).toMatchObject({ type: "object", additionalProperties: false });
      expect(inputSchema).not.toHaveProperty("$schema");
      for (const field of Object.values(inputSchema.properties ?? {}))
        expect(field).toHaveProperty("description");
    }
  });
  it("is the same text each time", () => {
    const first = JSON.stringify(toolDefinitions());
    expect(JSON.stringify(toolDefinitions())).toBe(first);
    expect(toolDefinitions()).toBe(toolDefinitions());
  });
});

describe("media types", () => {
  it.each([
    ["a.md", "text/markdown"],
    ["src/a.TS", "text/plain"],
    ["Makefile", "text/plain"],
    ["a.json", "application/json"],
    ["a.csv", "text/csv"],
    ["a.html", "text/html"],
    ["photo.JPG", "image/jpeg"],
    ["a.pdf", "application/pdf"],
    ["a.unknown", "application/octet-stream"],
    ["constructor", "application/octet-stream"],
    ["dir.md/file", "application/octet-stream"],
  ])("%s is %s", (path, type) => expect(mediaTypeOf(path)).toBe(type));
  it("believes a stated type only if it is one", () => {
    expect(mediaTypeFrom("text/x-python; charset=utf-8", "a")).toBe("text/x-python; charset=utf-8");
    for (const bad of ["", "html", "text/html\r\nx: y", "a/b/c", `text/${"x".repeat(99)}`]) {
      expect(mediaTypeFrom(bad, "a.md")).toBe("text/markdown");
    }
  });
});

it("knows nothing of actors and the router", () => {
  const folder = join(import.meta.dirname, "../../../src/tools");
  const sources = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".ts"),
  );
  expect(sources.length).toBeGreaterThan(15);
  for (const name of sources) {
    const imports = [...readFileSync(join(folder, name), "utf8").matchAll(/(?:from|import)\s*\(?"([^"]+)"/g)];
    for (const [, specifier] of imports)
      expect(`${name}: ${specifier}`).not.toMatch(/actors|router|cloudflare:/);
  }
});
