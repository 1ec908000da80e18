import { describe, expect, it } from "vitest";
import { fork, listSchedules, search, showUsage, undo } from "../../../local/lib/chat/commands.ts";

/** A server that gives one answer, and remembers what it was asked. */
function server(answer: unknown) {
  const asked: string[] = [];
  return {
    asked,
    async api(method: "GET" | "POST", path: string) {
      asked.push(`${method} ${path}`);
      return answer;
    },
  };
}
const usage = (more: object) => ({
  day: "2026-11-23",
  days: [],
  limitMicros: 5_000_000,
  limitTokens: 5_000_000,
  spentMicros: 12_300,
  reservedMicros: 0,
  tokens: 12_345,
  on: true,
  resetsAt: 0,
  ...more,
});

describe("the prompt's commands", () => {
  it("/undo says what was taken back and what of it remains", async () => {
    const remedy = "Go back in the files panel.";
    const one = server({
      text: "write\nit",
      messageIds: [],
      effects: [
        { tool: "write", what: "write a.txt", certain: true, remedy },
        { tool: "mail", what: "mail bob", certain: false },
      ],
    });
    expect((await undo(one, "my chat")).split("\n")).toEqual([
      "Taken back: write it",
      "What it did remains:",
      `  write a.txt. ${remedy}`,
      "  mail bob (it was cut off: perhaps)",
    ]);
    expect(one.asked).toEqual(["POST /threads/my%20chat/undo"]);
    expect(await undo(server({ text: "hello", effects: [] }), "main")).toBe("Taken back: hello");
  });

  it("/schedules lists what comes, in each one's own zone", async () => {
    const row = { thread: "main", text: "stretch", cron: null, timeZone: "Europe/Berlin", note: "" };
    const all = [
      { ...row, nextAt: Date.UTC(2026, 10, 24, 8) },
      { ...row, cron: "0 9 * * 1-5", nextAt: null, note: "paused after five failures" },
    ];
    expect((await listSchedules(server({ schedules: all }))).split("\n")).toEqual([
      "24 Nov 2026, 09:00 Europe/Berlin in main: stretch",
      "paused (0 9 * * 1-5) in main: stretch [paused after five failures]",
    ]);
    expect(await listSchedules(server({ schedules: [] }))).toContain("Nothing is scheduled");
  });

  it("/search shows where it was said, without control characters", async () => {
    const snippet = [
      { text: "the ", mark: false },
      { text: "tide\u001b[31m", mark: true },
    ];
    const one = server({ hits: [{ thread: "sea", title: "Waves", at: 0, snippet }], next: "9" });
    const said = await search(one, "low tide");
    expect(said).toContain("sea (Waves): the tide[31m\n");
    expect(said).toContain("There is more");
    expect(one.asked).toEqual(["GET /search?q=low%20tide"]);
    expect(await search(server({ hits: [] }), "x")).toBe('Nothing is found for "x".');
  });

  it("/usage shows today against the limit that applies", async () => {
    const said = await showUsage(server(usage({ reservedMicros: 2_000_000 })));
    expect(said).toContain("Today: $0.0123, 12,345 tokens\n");
    expect(said).toContain("Set aside for chats: $2.00, given back when another chat needs it\n");
    expect(await showUsage(server(usage({})))).not.toContain("Set aside");
    expect(said).toContain("Limit: $5.00 or 5,000,000 tokens");
    expect(await showUsage(server(usage({ on: false })))).toContain("No limit applies");
    expect(await showUsage(server(usage({ limitMicros: null })))).toContain("Limit: 5,000,000 tokens,");
  });

  it("/fork goes to the copy", async () => {
    const one = server({ thread: "t123", draft: "x" });
    expect(await fork(one, "main")).toBe("t123");
    expect(one.asked).toEqual(["POST /threads/main/fork"]);
  });

  it("an answer that is not understood is an error, not silence", async () => {
    await expect(undo(server({}), "main")).rejects.toThrow();
  });
});
