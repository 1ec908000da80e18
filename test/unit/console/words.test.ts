import { describe, expect, it } from "vitest";
import { groupsOf } from "../../../src/console/app/groups.ts";
import type { ThreadItem } from "../../../src/console/app/threads.ts";
import type { ToolPart, ToolState } from "../../../src/console/chat/message.ts";
import { readable, toolSentence } from "../../../src/console/chat/toolWords.ts";
import { effectiveModel } from "../../../src/console/settings/models.ts";
import { sizeText, whenText } from "../../../src/console/ui/format.ts";

const tool = (name: string, state: ToolState, change: Partial<ToolPart> = {}): ToolPart => ({
  type: "tool",
  key: "c",
  name,
  state,
  inputText: "",
  input: undefined,
  output: undefined,
  progress: "",
  error: "",
  reason: "",
  expiresAt: null,
  ...change,
});
const said = (part: ToolPart): string => {
  const { verb, object, rest, outcome } = toolSentence(part);
  return [`${verb} ${object}${rest}`.trim(), outcome].filter(Boolean).join(" · ");
};

describe("what a tool call says of itself", () => {
  it("speaks of the file, in the right tense", () => {
    const input = { path: "notes/a.txt", text: "x" };
    expect(said(tool("write", "running", { input }))).toBe("Writing notes/a.txt");
    expect(said(tool("write", "done", { input, output: {} }))).toBe("Wrote notes/a.txt");
    expect(said(tool("write", "failed", { input }))).toBe("Could not write notes/a.txt");
    expect(toolSentence(tool("write", "done", { input })).path).toBe("notes/a.txt");
    expect(toolSentence(tool("write", "failed", { input })).path).toBeNull();
  });

  it("names the file as soon as it can be read in the streamed input", () => {
    expect(said(tool("read", "writing", { inputText: '{"path":"no' }))).toBe("Reading");
    expect(said(tool("read", "writing", { inputText: '{"path":"notes/\\u00e4.md","fr' }))).toBe(
      "Reading notes/ä.md",
    );
  });

  it("counts what came of it", () => {
    const matches = { matches: [1, 2], truncated: false };
    expect(said(tool("search", "done", { input: { query: "kiln", path: "notes" }, output: matches }))).toBe(
      "Searched for “kiln” in notes · found 2 matches",
    );
    expect(said(tool("search", "done", { input: { query: "x" }, output: { matches: [] } }))).toBe(
      "Searched for “x” · nothing found",
    );
    expect(said(tool("list", "done", { input: {}, output: { entries: [1], truncated: true } }))).toBe(
      "Looked through your files · 1+ entries",
    );
    expect(said(tool("read", "done", { input: { path: "a" }, output: { lines: 1 } }))).toBe(
      "Read a · 1 line",
    );
    expect(said(tool("list", "done", { input: {}, output: { entries: Array(12).fill(1) } }))).toBe(
      "Looked through your files · 12 entries",
    );
  });

  it("says what became of the file", () => {
    const input = { path: "a" };
    const write = (output: unknown) => said(tool("write", "done", { input, output }));
    expect(write({ sizeBytes: 84, created: true })).toBe("Wrote a · created, 84 B");
    expect(write({ sizeBytes: 2_048, created: false })).toBe("Wrote a · 2.0 KB");
    expect(write({ sizeBytes: 84, created: true, conflict: { keptAs: "a (2)" } })).toBe(
      "Wrote a · changed meanwhile by somebody else, so kept as a (2)",
    );
    expect(write({ sizeBytes: "many" })).toBe("Wrote a");
    expect(said(tool("edit", "done", { input, output: { replacements: 1 } }))).toBe("Edited a · 1 change");
    expect(said(tool("edit", "done", { input, output: { replacements: 2 } }))).toBe("Edited a · 2 changes");
    const deleted = { deleted: true, restorableUntil: "2026-12-23T00:00:00.000Z" };
    expect(said(tool("delete", "done", { input, output: deleted }))).toBe(
      "Deleted a · can be restored for 30 days",
    );
    expect(said(tool("delete", "failed", { input, output: deleted }))).toBe("Could not delete a");
  });

  it("has words for tools that it does not know, and for input that fits nothing", () => {
    expect(said(tool("send_invoice", "done", { input: { to: "x" } }))).toBe("Used send invoice");
    expect(said(tool("read", "done", { input: "garbage" }))).toBe("Read");
    expect(
      said(tool("shell", "running", { input: { command: `echo ${"x".repeat(200)}` } })).length,
    ).toBeLessThan(110);
  });

  it("makes inputs and outputs readable", () => {
    expect(readable("plain")).toEqual({ text: "plain", language: "" });
    expect(readable({ a: 1 })).toEqual({ text: '{\n  "a": 1\n}', language: "json" });
    expect(readable(undefined)).toEqual({ text: "", language: "json" });
  });
});

describe("times and sizes", () => {
  const now = new Date(2026, 10, 23, 15, 30).getTime();

  it("says when, the way people do", () => {
    expect(whenText(now - 20_000, now)).toBe("just now");
    expect(whenText(now - 5 * 60_000, now)).toBe("5 min ago");
    expect(whenText(new Date(2026, 10, 23, 9, 5).getTime(), now)).toBe("09:05");
    expect(whenText(new Date(2026, 10, 22, 23, 59).getTime(), now)).toBe("Yesterday, 23:59");
    expect(whenText(new Date(2026, 2, 3, 14, 32).getTime(), now)).toBe("3 Mar, 14:32");
    expect(whenText(new Date(2025, 2, 3, 14, 32).getTime(), now)).toBe("3 Mar 2025, 14:32");
    expect(whenText(now + 60_000, now)).toBe("just now");
  });

  it("says how large", () => {
    expect([0, 999, 1_000, 2_048, 15_000, 5_242_880, 3e9].map(sizeText)).toEqual([
      "0 B",
      "999 B",
      "1.0 KB",
      "2.0 KB",
      "15 KB",
      "5.0 MB",
      "2.8 GB",
    ]);
  });

  it("sorts chats by age", () => {
    const day = (days: number): ThreadItem => ({
      id: `t${days}`,
      title: "",
      preview: "",
      status: "idle",
      createdAt: 0,
      updatedAt: new Date(2026, 10, 23 - days, 12).getTime(),
      unread: false,
    });
    const groups = groupsOf([0, 1, 2, 7, 8, 30, 31, 400].map(day), now);
    expect(groups.map((group) => [group.label, group.threads.map((thread) => thread.id)])).toEqual([
      ["Today", ["t0"]],
      ["Yesterday", ["t1"]],
      ["Previous 7 days", ["t2", "t7"]],
      ["Previous 30 days", ["t8", "t30"]],
      ["Older", ["t31", "t400"]],
    ]);
  });
});

describe("the model that answers", () => {
  const models = {
    models: [
      { id: "demo/holdfast", label: "Demo model", source: "demo" as const, connected: true },
      { id: "anthropic/a", label: "Model A", source: "key" as const, connected: true },
      { id: "openai/b", label: "Model B", source: "demo" as const, connected: false },
    ],
    providers: [],
  };

  it("is the agent's choice, else the deployment's default", () => {
    expect(effectiveModel("anthropic/a", "openai/b", models)).toEqual({
      id: "anthropic/a",
      label: "Model A",
      demo: false,
    });
    expect(effectiveModel("", "anthropic/a", models).id).toBe("anthropic/a");
  });

  it("is the demo model wherever the chosen one is not connected, and says so", () => {
    for (const id of ["demo/holdfast", "openai/b", "anthropic/unknown"]) {
      expect(effectiveModel(id, "", models).demo).toBe(true);
    }
  });

  it("is taken at its word in the cloud", () => {
    expect(effectiveModel("anthropic/claude", "", null)).toEqual({
      id: "anthropic/claude",
      label: "claude",
      demo: false,
    });
  });
});
