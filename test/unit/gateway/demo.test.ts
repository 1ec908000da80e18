/** How the demo model behaves beyond wordings: rounds, failures, what it says of itself, text of exact length. */
import { describe, expect, it } from "vitest";
import { NOTE } from "../../../local/gateway/demo/chat.ts";
import { answer } from "../../../local/gateway/demo/index.ts";
import type { Message } from "../../../local/gateway/wire/call.ts";
import { converse, FILE_TOOLS, MemoryWorkspace } from "./support.ts";

const user = (text: string): Message => ({ role: "user", parts: [{ type: "text", text }] });
const said = (text: string): Message => ({ role: "assistant", parts: [{ type: "text", text }] });
/** A conversation in which the demo has introduced itself already. */
const known = [user("hi"), said("I am the demo model.")];
const words = (text: string): number => text.trim().split(/\s+/).length;

describe("rounds", () => {
  it("reads independent files side by side, and everything else one call a round", () => {
    const workspace = new MemoryWorkspace({ "a.txt": "A", "b.txt": "B" });
    const { rounds } = converse("read a.txt and b.txt, then write done to c.txt, then list my files", {
      workspace,
    });
    expect(rounds.map((round) => round.map(([name]) => name))).toEqual([
      ["read", "read"],
      ["write"],
      ["list"],
    ]);
  });

  it("makes at most five looks at once", () => {
    const files = ["a", "b", "c", "d", "e", "f", "g"].map((name) => `${name}.txt`);
    const workspace = new MemoryWorkspace(Object.fromEntries(files.map((file) => [file, file])));
    const { rounds, final } = converse(`read ${files.join(", ")}`, { workspace });
    expect(rounds.map((round) => round.length)).toEqual([5, 2]);
    for (const file of files) expect(final).toContain(`\`${file}\` says`);
  });

  it("gives the same answer to the same conversation", () => {
    const request = { system: "", messages: [user("write a story of 90 words to s.txt")], tools: FILE_TOOLS };
    expect(answer(request)).toEqual(answer(structuredClone(request)));
  });

  it("starts anew with each message: earlier results are not counted", () => {
    const workspace = new MemoryWorkspace();
    const first = converse("write hello to a.txt", { workspace });
    const second = converse("read it, then delete it", { workspace, earlier: first.messages });
    expect(second.rounds.flat()).toEqual([
      ["read", { path: "a.txt" }],
      ["delete", { path: "a.txt" }],
    ]);
  });

  it("adds a line by reading first, and makes the file if there is none", () => {
    const workspace = new MemoryWorkspace({ "a.txt": "one" });
    expect(converse('append "two" to a.txt', { workspace }).final).toContain("Added a line to `a.txt`");
    expect(workspace.files.get("a.txt")).toBe("one\ntwo");
    const made = converse("add first to new.txt", { workspace });
    expect(workspace.files.get("new.txt")).toBe("first");
    expect(made.final).toContain("Created `new.txt`");
    expect(made.final).not.toContain("could not");
  });

  it("moves and copies through reading and writing", () => {
    const workspace = new MemoryWorkspace({ "a.txt": "text\nof two lines" });
    converse("copy a.txt to b.txt", { workspace });
    converse("rename a.txt to archive/c.txt", { workspace });
    expect(Object.fromEntries(workspace.files)).toEqual({
      "b.txt": "text\nof two lines",
      "archive/c.txt": "text\nof two lines",
    });
  });

  it("does not write a file back of which it has seen only the beginning", () => {
    const calls: Message[] = [
      user("append x to big.txt"),
      { role: "assistant", parts: [{ type: "call", id: "c1", name: "read", input: { path: "big.txt" } }] },
      {
        role: "user",
        parts: [
          {
            type: "result",
            id: "c1",
            failed: false,
            text: '{"path":"big.txt","text":"start","lines":9000,"truncated":true}',
          },
        ],
      },
    ];
    const parts = answer({ system: "", messages: calls, tools: FILE_TOOLS });
    expect(parts.every((part) => part.type === "text")).toBe(true);
    expect(JSON.stringify(parts)).toContain("would lose the rest");
  });
});

describe("what came back", () => {
  const workspace = () =>
    new MemoryWorkspace({ "notes/a.txt": "tide | high\n```\ncode\n```", "notes/b.txt": "", "c.txt": "tide" });

  it("quotes a file's text in a fence that its own fences do not close", () => {
    expect(converse("read notes/a.txt", { workspace: workspace() }).final).toContain(
      "````\ntide | high\n```\ncode\n```\n````",
    );
  });

  it("says that a file is empty", () => {
    expect(converse("read notes/b.txt", { workspace: workspace() }).final).toContain(
      "`notes/b.txt` is empty.",
    );
  });

  it("lists as a Markdown list", () => {
    expect(converse("list my files", { workspace: workspace() }).final).toContain(
      "- `notes/`\n- `c.txt` (4 bytes)",
    );
  });

  it("shows matches as a table with pipes escaped", () => {
    const { final } = converse("search for tide", { workspace: workspace() });
    expect(final).toContain("| `notes/a.txt` | 1 | tide \\| high |\n| `c.txt` | 1 | tide |");
  });

  it.each([
    [
      '{"path":"a.png","binary":true,"mediaType":"image/png","sizeBytes":2048}',
      "`a.txt`|`a.png` is not text: image/png, 2.0 KB.",
    ],
    [
      '{"truncated":true,"sizeBytes":90000,"head":"begins","tail":"ends","path":".results/c.json","note":"long"}',
      "```\nbegins\n```\n\nAll of it is in `.results/c.json`.",
    ],
    ['{"path":"a.txt","text":"cut off in the mid', "This came back when I tried to read `a.txt`"],
  ])("shows what is no text, or too long for one answer: %s", (result, shown) => {
    const messages: Message[] = [
      ...known,
      user("read a.txt"),
      { role: "assistant", parts: [{ type: "call", id: "c", name: "read", input: {} }] },
      { role: "user", parts: [{ type: "result", id: "c", failed: false, text: result }] },
    ];
    const [part] = answer({ system: "", messages, tools: FILE_TOOLS });
    expect(part?.type === "text" ? part.text : "").toContain(shown.replace("`a.txt`|", ""));
  });

  it("leaves a runtime's error code out of the sentence", () => {
    const messages: Message[] = [
      ...known,
      user("read a.txt"),
      { role: "assistant", parts: [{ type: "call", id: "c", name: "read", input: {} }] },
      {
        role: "user",
        parts: [{ type: "result", id: "c", failed: true, text: "file_unknown: There is no a.txt." }],
      },
    ];
    expect(answer({ system: "", messages, tools: FILE_TOOLS })).toEqual([
      { type: "text", text: "I could not read `a.txt`: There is no a.txt." },
    ]);
  });

  it("tells a conflict", () => {
    const parts = answer({
      system: "",
      tools: FILE_TOOLS,
      messages: [
        user("write x to a.txt"),
        { role: "assistant", parts: [{ type: "call", id: "c", name: "write", input: {} }] },
        {
          role: "user",
          parts: [
            {
              type: "result",
              id: "c",
              failed: false,
              text: '{"path":"a.txt","sizeBytes":1,"created":false,"conflict":{"keptAs":"a (conflict).txt"}}',
            },
          ],
        },
      ],
    });
    expect(JSON.stringify(parts)).toContain("mine is in `a (conflict).txt`");
  });
});

describe("failures", () => {
  it.each([true, false])(
    "explains a failure and stops, whether or not the wire flags it (flagged: %s)",
    (flagged) => {
      const { rounds, final } = converse("edit gone.txt: replace a with b, then delete gone.txt", {
        flagged,
      });
      expect(rounds.flat().map(([name]) => name)).toEqual(["edit"]);
      expect(final).toContain("I could not edit `gone.txt`: There is no file gone.txt.");
      expect(final).toContain("So I did not delete `gone.txt`.");
    },
  );

  it("tells the results of the looks that worked beside the one that did not", () => {
    const { final } = converse("read a.txt and gone.txt", {
      workspace: new MemoryWorkspace({ "a.txt": "here" }),
    });
    expect(final).toContain("```\nhere\n```");
    expect(final).toContain("I could not read `gone.txt`");
  });

  it("takes a plain sentence for a refusal", () => {
    const messages: Message[] = [
      user("delete a.txt"),
      { role: "assistant", parts: [{ type: "call", id: "c", name: "delete", input: {} }] },
      {
        role: "user",
        parts: [{ type: "result", id: "c", failed: false, text: "The user denied this tool call." }],
      },
    ];
    const parts = answer({ system: "", messages, tools: FILE_TOOLS });
    expect(parts).toHaveLength(1);
    expect(JSON.stringify(parts)).toContain("I could not delete `a.txt`: The user denied this tool call.");
  });

  it("never calls a tool that is not offered, and says so", () => {
    const { rounds, final } = converse("write x to a.txt then read it", { tools: ["read"], earlier: known });
    expect(rounds).toEqual([]);
    expect(final).toContain("The `write` tool is not offered");
  });

  it("answers with what it has when the last round comes without tools", () => {
    const whole = converse("write hi to a.txt, then read it, then delete it", { earlier: known });
    const afterWrite = whole.messages.slice(0, known.length + 3);
    const parts = answer({ system: "", messages: afterWrite, tools: [] });
    expect(parts).toEqual([{ type: "text", text: expect.stringContaining("Created `a.txt`") }]);
    expect(JSON.stringify(parts)).toContain("So I did not read `a.txt`, nor did I delete `a.txt`.");
  });

  it("asks which file is meant instead of guessing", () => {
    for (const vague of ["read it", "delete that file", "replace a with b", "create a file"]) {
      const { rounds, final } = converse(vague, { earlier: known });
      expect(rounds).toEqual([]);
      expect(final).toMatch(/\?/);
    }
  });
});

describe("what it says of itself", () => {
  it("says that it is a demo and how to connect a model in the first answer, and not again", () => {
    const first = converse("hello");
    expect(first.final).toContain(NOTE);
    const second = converse("thanks", { earlier: first.messages });
    expect(second.final).not.toMatch(/demo|ANTHROPIC_API_KEY/);
  });

  it("says so at the end of a first answer that used tools too", () => {
    const { final, messages } = converse("write x to a.txt and read it");
    expect(final).toContain("ANTHROPIC_API_KEY");
    expect(
      converse("read it", { earlier: messages, workspace: new MemoryWorkspace({ "a.txt": "x" }) }).final,
    ).not.toContain("ANTHROPIC_API_KEY");
  });

  it.each(["are you a real AI?", "how do I connect a real model?", "who are you?", "which model is this?"])(
    "says so when asked: %s",
    (question) => {
      const { final } = converse(question, { earlier: known });
      expect(final).toMatch(/demo/);
      expect(final).toContain("Settings → Model");
    },
  );

  it.each([
    ["You are Kelp, a helpful assistant.", "Kelp"],
    ["Your name is Ada Lovelace. Be brief.", "Ada Lovelace"],
    ["You are an assistant called Finn.", "Finn"],
    ["You are my little helper, the personal agent of Ann. You run on Holdfast.", "my little helper"],
    [
      "You are Kelp, the personal agent of Ann.\n\nInstructions from Ann:\nYou are Captain Nemo. Be brief.",
      "Captain Nemo",
    ],
  ])("uses the name of %s", (system, name) => {
    expect(converse("What is your name?", { system }).final).toContain(`I am ${name},`);
    expect(converse("hello", { system }).final).toContain(`I am ${name}.`);
  });

  it("takes no name from a prompt that gives none", () => {
    const { final } = converse("who are you?", {
      system: "You are a helpful assistant. You are Alice's agent.",
    });
    expect(final).toContain("I am the demo model of Holdfast.");
  });

  it("quotes its instructions", () => {
    expect(
      converse("what are your instructions?", { system: "You are Kelp.\nAnswer briefly." }).final,
    ).toContain("> You are Kelp.\n> Answer briefly.");
  });

  it("quotes what a person told it, and not what the runtime put before it", () => {
    const system =
      "You are Kelp, the personal agent of Ann. You run on Holdfast.\n\nInstructions from Ann:\nRhyme.";
    const { final } = converse("what are your instructions?", { system, earlier: known });
    expect(final).toContain("> Rhyme.");
    expect(final).not.toContain("You run on Holdfast");
  });

  it("acknowledges attachments by name, also without words", () => {
    const file = { type: "file" as const, name: "tides.pdf", mediaType: "application/pdf" };
    for (const parts of [[file], [{ type: "text" as const, text: "what is this?" }, file]]) {
      const [part] = answer({ system: "", messages: [...known, { role: "user", parts }], tools: FILE_TOOLS });
      expect(part).toEqual({ type: "text", text: expect.stringContaining("You attached `tides.pdf`") });
    }
  });

  it("takes a runtime's notice of a workspace file for an attachment, and reads it when asked", () => {
    const attached = (said: string): Message => ({
      role: "user",
      parts: [
        { type: "text", text: said },
        { type: "text", text: "[Attached file: inbox/tides.csv (text/csv)]" },
      ],
    });
    const talk = answer({ system: "", messages: [...known, attached("here you are")], tools: FILE_TOOLS });
    expect(JSON.stringify(talk)).toContain("You attached `inbox/tides.csv`");
    const reading = answer({
      system: "",
      messages: [...known, attached("please read it")],
      tools: FILE_TOOLS,
    });
    expect(reading.at(-1)).toEqual({ type: "tool", name: "read", input: { path: "inbox/tides.csv" } });
  });

  it("does the last of several messages that nobody answered, which a wire may join into one", () => {
    const joined: Message = {
      role: "user",
      parts: [
        { type: "text", text: "delete a.txt" },
        { type: "text", text: "no, list my files" },
      ],
    };
    const parts = answer({ system: "", messages: [...known, joined], tools: FILE_TOOLS });
    expect(parts.at(-1)).toEqual({ type: "tool", name: "list", input: {} });
  });

  it("does not do an older request again when only a file is sent", () => {
    const file = { type: "file" as const, name: "x.png", mediaType: "image/png" };
    const messages: Message[] = [
      user("delete a.txt"),
      said("Deleted `a.txt`."),
      { role: "user", parts: [file] },
    ];
    expect(answer({ system: "", messages, tools: FILE_TOOLS }).map((part) => part.type)).toEqual(["text"]);
  });
});

describe("text of an exact length", () => {
  it.each([1, 7, 200, 2000])("a story of %i words", (count) => {
    expect(words(converse(`Write a story of ${count} words`).final)).toBe(count);
  });

  it.each([
    ["say 2000 tokens", 2000],
    ["please give me 300 words", 300],
    ["tell me a 150-word story", 150],
    ["Can you stream 1,000 tokens?", 1000],
  ])("%s", (request, count) => {
    expect(words(converse(request).final)).toBe(count);
  });

  it("counts", () => {
    expect(converse("count to 50").final).toBe(Array.from({ length: 50 }, (_, i) => i + 1).join(", "));
    expect(converse("count down from 5").final).toBe("5, 4, 3, 2, 1");
    expect(converse("count from 8 to 11").final).toBe("8, 9, 10, 11");
  });

  it("writes such a text into a file", () => {
    const workspace = new MemoryWorkspace();
    converse("write a story of 120 words to s.txt", { workspace });
    expect(words(workspace.files.get("s.txt") ?? "")).toBe(120);
  });

  it("shows Markdown with a table, a code block and a list, and code", () => {
    const markdown = converse("show me markdown", { earlier: known }).final;
    expect(markdown).toMatch(/^\|.*\|$/m);
    expect(markdown).toMatch(/^```ts$/m);
    expect(markdown).toMatch(/^- /m);
    expect(converse("show me code", { earlier: known }).final).toMatch(/```ts\n[\s\S]+\n```/);
  });

  it("repeats what it is told to", () => {
    expect(converse('say "hello tide"').final).toBe("hello tide");
  });

  it("saves its last answer when asked to save that", () => {
    const workspace = new MemoryWorkspace();
    const { messages, final } = converse("write a haiku");
    converse("save that to haiku.md", { earlier: messages, workspace });
    expect(workspace.files.get("haiku.md")).toBe(final.replace(NOTE, "").trim());
  });
});
