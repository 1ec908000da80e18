import { describe, expect, it } from "vitest";
import type { Entry } from "../../../src/actors/conversation/entries.ts";
import { verifyChain } from "../../../src/actors/conversation/export.ts";
import { limits } from "../../../src/limits.ts";
import { countOf, onStorage, openStore, plainState } from "../../support/journal-storage.ts";
import { commitsOf } from "../../support/long-journal.ts";

/** A thread's name for a case of a table. */
const nameOf = (what: string): string =>
  `size-${what.replace(/[^a-z]+/g, "-")}`.slice(0, 60).replace(/-$/, "");

describe("a commit of any size", () => {
  const longest = ({ sql }: DurableObjectStorage): number =>
    sql
      .exec<{ n: number }>(
        "SELECT MAX(length(CAST(heads AS BLOB)) + length(CAST(bodies AS BLOB))) AS n FROM journal",
      )
      .one().n;

  /** Commits, and reads it back in another life: entries as the file holds them, and the chain. */
  const kept = (thread: string, ...commits: Entry[][]) =>
    onStorage(thread, (storage) => {
      const store = openStore(storage);
      for (const entries of commits) store.commit(entries);
      const lines = [];
      for (let after = 0; ; ) {
        const page = store.journal.page(after, Number.MAX_SAFE_INTEGER);
        if (page.length === 0) break;
        lines.push(...page);
        after = page.at(-1)?.seq ?? after;
      }
      const entries = lines.map((line) => ({ ...line, entry: { kind: line.kind } }));
      return {
        payloads: lines.map((line) => JSON.parse(line.payload ?? "null") as Record<string, unknown>),
        broken: verifyChain({ entries }),
        longest: longest(storage),
        same:
          JSON.stringify(plainState(openStore(storage).state)) === JSON.stringify(plainState(store.state)),
        rows: countOf(storage, "journal"),
        parts: countOf(storage, "journal_parts"),
      };
    });

  const [question, [began, answer, end]] = commitsOf(0) as [Entry[], [Entry, Entry, Entry]]; // three, see there
  const answering = (text: string): Entry =>
    answer.kind === "answer" ? { ...answer, parts: [{ type: "text", text }] } : answer;

  it("spreads entries of another journal over rows as it does its own, and they come out as they went in", async () => {
    const lines = await onStorage("size-from", (storage) => {
      const store = openStore(storage);
      store.commit(question);
      store.commit([began, answering("x".repeat(2_000_000)), end]);
      for (let n = 1; n < 8; n++) for (const commit of commitsOf(n, 50_000)) store.commit(commit);
      return [...store.journal.rows(0, 1000)].flat();
    });
    const told = await onStorage("size-into", (storage) => {
      const store = openStore(storage);
      storage.transactionSync(() => store.journal.insert(lines));
      store.rebuild();
      return {
        lines: [...store.journal.rows(0, 1000)].flat(),
        longest: longest(storage),
        seq: store.state.seq,
      };
    });
    expect(JSON.stringify(told.lines) === JSON.stringify(lines)).toBe(true);
    expect(told.seq).toBe(40);
    expect(told.longest).toBeLessThan(2_000_000);
  });

  it.each([
    ["plain text", "x"],
    ["quotes, each four bytes in a row", '"'],
    ["control characters, each seven", "\u0001"],
    ["letters of two bytes", "ä"],
    ["letters of three", "潮"],
    ["half a letter", "\ud83d"],
  ])(
    "keeps an answer whose JSON has 3 MB: %s",
    async (what, letter) => {
      const text = letter.repeat(3_000_000 / (JSON.stringify(letter).length - 2));
      const told = await kept(nameOf(what), question, [began, answering(text), end]);
      const parts = told.payloads[3]?.parts as { text: string }[];
      expect(parts[0]?.text === text).toBe(true);
      expect(told).toMatchObject({ broken: [], same: true, rows: 2 });
      expect(told.parts).toBeGreaterThanOrEqual(3);
      expect(told.longest).toBeLessThan(2_000_000);
    },
    30_000,
  );

  it("keeps tool inputs of 3 MB and results of the size that tools may have, many at once", async () => {
    const [call] = question.slice(1) as [Entry]; // a question and a call
    const asks: Entry = {
      ...(answering("") as Extract<Entry, { kind: "answer" }>), // made by `answering`
      parts: Array.from({ length: 25 }, (_, i) => ({
        type: "tool" as const,
        id: `c${i}`,
        name: "write",
        input: JSON.stringify({ text: i === 0 ? "y".repeat(3_000_000) : "\\".repeat(40_000) }),
      })),
    };
    const at = 1;
    const intents = asks.kind === "answer" ? asks.parts : [];
    const told = await kept(
      "size-tools",
      question,
      [
        began,
        asks,
        ...intents.flatMap((part): Entry[] =>
          part.type === "tool"
            ? [
                {
                  kind: "intent",
                  at,
                  turn: "t0",
                  round: 0,
                  id: part.id,
                  name: "write",
                  input: part.input,
                  replay: "safe",
                  key: part.id,
                },
              ]
            : [],
        ),
      ],
      [
        ...intents.map(
          (_, i): Entry => ({
            kind: "result",
            at,
            turn: "t0",
            id: `c${i}`,
            output: { text: "潮".repeat(16_000) },
          }),
        ),
        call,
      ],
    );
    expect(told).toMatchObject({ broken: [], same: true });
    expect(told.longest).toBeLessThan(2_000_000);
    expect(told.payloads).toHaveLength(2 + 2 + 25 + 25 + 1);
  }, 30_000);

  it("keeps a commit of thousands of small entries", async () => {
    const results = Array.from(
      { length: 12_000 },
      (_, i): Entry => ({
        kind: "result",
        at: i,
        turn: "t0",
        id: `c${i}`,
        interrupted: true,
      }),
    );
    const told = await kept("size-many", question, results);
    expect(told).toMatchObject({ broken: [], same: true });
    expect(told.longest).toBeLessThan(2_000_000);
    expect(told.payloads).toHaveLength(12_002);
  }, 30_000);

  it("of everyday size is one row, and nothing besides", async () => {
    const told = await kept("size-small", question, [began, answering("x".repeat(200_000)), end]);
    expect(told).toMatchObject({ rows: 2, parts: 0 });
  });

  it("is refused before it is accepted when it is an input of more than one may be, and nothing is written", async () => {
    const told = await onStorage("size-input", (storage) => {
      const store = openStore(storage);
      const input = question[0];
      if (input?.kind !== "input") throw new Error("a question begins with an input");
      const of = (messages: number): Entry => ({
        ...input,
        messages: Array.from({ length: messages }, (_, i) => ({
          id: `m${i}`,
          parts: [{ type: "text", text: "x".repeat(limits.messageBytes - 100) }],
        })),
      });
      let refused = "";
      try {
        store.commit([of(50), ...question.slice(1)]);
      } catch (error) {
        refused = error instanceof Error && "code" in error ? String(error.code) : String(error);
      }
      const nothing = {
        seq: store.state.seq,
        rows: countOf(storage, "journal") + countOf(storage, "journal_parts"),
      };
      store.commit([of(3), ...question.slice(1)]);
      return { refused, nothing, seq: openStore(storage).state.seq };
    });
    expect(told).toEqual({ refused: "message_too_large", nothing: { seq: 0, rows: 0 }, seq: 2 });
  });

  it("leaves nothing behind when a part of it cannot be written", async () => {
    const told = await onStorage("size-cut", (storage) => {
      const store = openStore(storage);
      store.commit(question);
      storage.sql.exec("DROP TABLE journal_parts");
      let refused = "";
      try {
        store.commit([began, answering("x".repeat(3_000_000)), end]);
      } catch (error) {
        refused = error instanceof Error && "code" in error ? String(error.code) : String(error);
      }
      store.commit([began, answering("short"), end]);
      return { refused, rows: countOf(storage, "journal"), seq: openStore(storage).state.seq };
    });
    expect(told).toEqual({ refused: "storage_failed", rows: 2, seq: 5 });
  });

  it("has its partial answer left as it was when that no longer fits its row", async () => {
    const told = await onStorage("size-partial", (storage) => {
      const store = openStore(storage);
      store.savePartial("t0", [{ type: "text", text: "so far" }]);
      store.savePartial("t0", [{ type: "text", text: "潮".repeat(1_000_000) }]);
      return store.partial("t0");
    });
    expect(told).toEqual([{ type: "text", text: "so far" }]);
  });
});
