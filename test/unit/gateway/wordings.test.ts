/** What people say, and which tool calls the demo model makes of it. */
import { describe, expect, it } from "vitest";
import { answer } from "../../../local/gateway/demo/index.ts";
import type { Message } from "../../../local/gateway/wire/call.ts";
import { converse, FILE_TOOLS, MemoryWorkspace } from "./support.ts";

const NOTE = "notes/a.txt";
const WRITE_THEN_READ = [
  "write hello tide to notes/a.txt, then read it back",
  "create a file called notes/a.txt containing hello tide and show me what's in it",
  "put the words 'hello tide' into notes/a.txt; afterwards open it",
  "save “hello tide” as notes/a.txt and then print it",
  "please jot down hello tide in notes/a.txt. What does it say?",
  'Write "hello tide" to `notes/a.txt` and read it back to me',
  'Could you please create notes/a.txt with the text "hello tide" and then display its contents?',
  "Make a new file notes/a.txt that says hello tide, then show it to me.",
  "In notes/a.txt, write hello tide. Then tell me what the file says.",
  "write to notes/a.txt: hello tide\nthen read it",
  'Store the sentence "hello tide" in notes/a.txt, and cat it.',
  "I want you to write hello tide into notes/a.txt and after that read it again",
  "add a file notes/a.txt with hello tide in it and open it",
  "1. Write hello tide to notes/a.txt\n2. Read it back",
  "- create notes/a.txt with content hello tide\n- show it",
  "Would you mind writing 'hello tide' to **notes/a.txt** and reading it back?",
  "set notes/a.txt to hello tide and verify it",
  "notes/a.txt should say hello tide. Show me.",
  "hey, can you type hello tide into notes/a.txt for me and then let me see it?",
  'Record "hello tide" in [a.txt](notes/a.txt), followed by reading it back',
  "Enter hello tide in notes/a.txt -> read it",
  "I'd like a file notes/a.txt that contains «hello tide». Check the contents.",
  "create notes/a.txt, write hello tide into it, and read it",
  "Make notes/a.txt say hello tide & print it",
  "First write hello tide to notes/a.txt. Once that's done, read notes/a.txt.",
  'make a note of "hello tide" in notes/a.txt and read it out',
  "Fill notes/a.txt with hello tide. What's in there?",
  "Place hello tide in the file notes/a.txt, then have a look at it",
  "Open a new file notes/a.txt, put hello tide in it and show me the contents",
  "write: hello tide, to notes/a.txt. Read it.",
  "Kindly store hello tide under notes/a.txt, next display the file.",
  "Could you create a text file named notes/a.txt whose content is hello tide, and then show its content?",
  'make me a file notes/a.txt with "hello tide" inside and tell me what it contains',
  "Put this in notes/a.txt: hello tide. Then show me what is in the file.",
  "let notes/a.txt contain hello tide, then print the file",
  "save to notes/a.txt the words hello tide, then give it back to me",
  "Create a file with hello tide. Call it notes/a.txt. Then read it.",
  "write the following to notes/a.txt:\n```\nhello tide\n```\nand show me the result",
];

describe("writing a file and reading it back", () => {
  it.each(WRITE_THEN_READ)("%s", (said) => {
    const workspace = new MemoryWorkspace();
    const { rounds, final } = converse(said, { workspace });
    expect(rounds).toEqual([[["write", { path: NOTE, text: "hello tide" }]], [["read", { path: NOTE }]]]);
    expect(final).toContain("```\nhello tide\n```");
    expect(workspace.files.get(NOTE)).toBe("hello tide");
  });
});

type Calls = [string, Record<string, unknown>][];
const read = (path: string, range = {}): Calls[number] => ["read", { path, ...range }];
const write = (path: string, text: string): Calls[number] => ["write", { path, text }];
const edit = (path: string, find: string, replace: string, all = false): Calls[number] => [
  "edit",
  { path, find, replace, ...(all ? { all } : {}) },
];
const list = (path = ""): Calls[number] => ["list", path === "" ? {} : { path }];
const search = (query: string, path = ""): Calls[number] => [
  "search",
  { query, ...(path === "" ? {} : { path }) },
];
const remove = (path: string): Calls[number] => ["delete", { path }];

/** The calls in order, whichever rounds they were made in. An earlier request spoke of `notes/old.txt`. */
const WORDINGS: [string, Calls][] = [
  [
    "Call write with path abc.txt and text “abc”, then call read.",
    [write("abc.txt", "abc"), read("abc.txt")],
  ],
  ["echo hello > a.txt && cat a.txt", [write("a.txt", "hello"), read("a.txt")]],
  [
    "New file: notes/b.md with the text “# Title”. Then open it.",
    [write("notes/b.md", "# Title"), read("notes/b.md")],
  ],
  ["Write hi in hi.txt and verify by reading it", [write("hi.txt", "hi"), read("hi.txt")]],
  ["write hello to a.txt read it back", [write("a.txt", "hello"), read("a.txt")]],
  ["write the sentence The tide is high. to notes/a.txt", [write(NOTE, "The tide is high.")]],
  ["Take a note: buy milk. Save it to notes/milk.txt.", [write("notes/milk.txt", "buy milk")]],
  ["could u write hello in a.txt thx", [write("a.txt", "hello")]],
  ["delete notes/a.txt then write fresh to notes/a.txt", [remove(NOTE), write(NOTE, "fresh")]],
  [
    "step 1: write hello to x.txt; step 2: read it; step 3: delete it",
    [write("x.txt", "hello"), read("x.txt"), remove("x.txt")],
  ],
  ["replace the contents of a.txt with new text", [write("a.txt", "new text")]],
  ["open notes/a.txt and tell me what it says", [read(NOTE)]],
  ["compare a.txt with b.txt", [read("a.txt"), read("b.txt")]],
  ["Read notes/a.txt from line 20", [read(NOTE, { from: 20 })]],
  ["first 5 lines of notes/a.txt", [read(NOTE, { from: 1, lines: 5 })]],
  ["Change hello to bar in a.txt and b.txt", [edit("a.txt", "hello", "bar"), edit("b.txt", "hello", "bar")]],
  ["a.txt: change hello into bar", [edit("a.txt", "hello", "bar")]],
  ["Modify a.txt: hello -> bar", [edit("a.txt", "hello", "bar")]],
  ["In which files does the word kelp occur?", [search("kelp")]],
  ["Can you find out which of my files mentions kelp?", [search("kelp")]],
  ["which files do I have in notes?", [list("notes")]],
  ["show directory listing", [list()]],
  ["Please do this:\n1. write hi to a.txt\n2. list my files", [write("a.txt", "hi"), list()]],
  ["read notes/a.txt", [read(NOTE)]],
  ["What does notes/a.txt say?", [read(NOTE)]],
  ["show me the contents of notes/a.txt", [read(NOTE)]],
  ["what's in notes/a.txt?", [read(NOTE)]],
  ["Can I see notes/a.txt?", [read(NOTE)]],
  ["summarize notes/a.txt", [read(NOTE)]],
  ["read a.txt and b.txt", [read("a.txt"), read("b.txt")]],
  ["Read a.txt, b.txt and notes/c.md please", [read("a.txt"), read("b.txt"), read("notes/c.md")]],
  ["Show me `src/index.ts` and `README.md`", [read("src/index.ts"), read("README.md")]],
  ['Read the file "my notes.txt".', [read("my notes.txt")]],
  ["read it back", [read("notes/old.txt")]],
  ["can you open that file again?", [read("notes/old.txt")]],
  ["what did you write?", [read("notes/old.txt")]],
  ["show me lines 3 to 10 of notes/a.txt", [read(NOTE, { from: 3, lines: 8 })]],
  ["show me the first 5 lines of notes/a.txt", [read(NOTE, { from: 1, lines: 5 })]],
  ["read ../../etc/passwd", [read("../../etc/passwd")]],
  ["write salt and pepper to notes/a.txt", [write(NOTE, "salt and pepper")]],
  ["write bread and open sandwiches to notes/a.txt", [write(NOTE, "bread and open sandwiches")]],
  ['write "don\'t panic, then read it" to notes/a.txt', [write(NOTE, "don't panic, then read it")]],
  ["write it's fine to notes/a.txt then read it", [write(NOTE, "it's fine"), read(NOTE)]],
  ['write {"a": 1, "b": [2, 3]} to data.json', [write("data.json", '{"a": 1, "b": [2, 3]}')]],
  ["write const x = 1; to x.js", [write("x.js", "const x = 1;")]],
  ["write Hello World! to a.txt", [write("a.txt", "Hello World!")]],
  ["create x.txt with Hello World! Then read it!", [write("x.txt", "Hello World!"), read("x.txt")]],
  ["could you create x.txt with hello, please? Then read it!", [write("x.txt", "hello"), read("x.txt")]],
  ["create x.txt! Now show it!", [write("x.txt", ""), read("x.txt")]],
  ["create an empty file notes/e.txt", [write("notes/e.txt", "")]],
  ['create a file named "shopping list.txt" containing eggs', [write("shopping list.txt", "eggs")]],
  [
    "Create notes/todo.md with:\n- milk\n- eggs\n\nThen show me the file.",
    [write("notes/todo.md", "- milk\n- eggs"), read("notes/todo.md")],
  ],
  ["create a.txt with apples and b.txt with bears", [write("a.txt", "apples"), write("b.txt", "bears")]],
  [
    "write one to a.txt, two to b.txt and three to c.txt, then read all of them",
    [
      write("a.txt", "one"),
      write("b.txt", "two"),
      write("c.txt", "three"),
      read("a.txt"),
      read("b.txt"),
      read("c.txt"),
    ],
  ],
  ["write hello to a.txt and b.txt", [write("a.txt", "hello"), write("b.txt", "hello")]],
  ["overwrite notes/a.txt with goodbye", [write(NOTE, "goodbye")]],
  ["change notes/a.txt to say goodbye", [write(NOTE, "goodbye")]],
  ["write hello to it", [write("notes/old.txt", "hello")]],
  ["replace hello with goodbye in notes/a.txt", [edit(NOTE, "hello", "goodbye")]],
  ["in notes/a.txt, change hello to goodbye", [edit(NOTE, "hello", "goodbye")]],
  ['change every "hello" to "goodbye" in notes/a.txt', [edit(NOTE, "hello", "goodbye", true)]],
  ["edit notes/a.txt: replace tide with wave", [edit(NOTE, "tide", "wave")]],
  ["swap the word hello for goodbye in notes/a.txt", [edit(NOTE, "hello", "goodbye")]],
  ["substitute goodbye for hello in notes/a.txt", [edit(NOTE, "hello", "goodbye")]],
  ['Fix the typo "helo" in notes/a.txt, it should be "hello"', [edit(NOTE, "helo", "hello")]],
  ["turn hello into goodbye in that file", [edit("notes/old.txt", "hello", "goodbye")]],
  ["update notes/a.txt so that hello becomes goodbye", [edit(NOTE, "hello", "goodbye")]],
  ["find hello and replace it with goodbye in notes/a.txt", [edit(NOTE, "hello", "goodbye")]],
  ["use goodbye instead of hello in notes/a.txt", [edit(NOTE, "hello", "goodbye")]],
  ["change a.txt to b.txt in list.md", [edit("list.md", "a.txt", "b.txt")]],
  ["remove the word tide from notes/a.txt", [edit(NOTE, "tide", "")]],
  [
    "replace all occurrences of hello by goodbye in notes/a.txt and show me the result",
    [edit(NOTE, "hello", "goodbye", true), read(NOTE)],
  ],
  ["list my files", [list()]],
  ["ls", [list()]],
  ["ls notes", [list("notes")]],
  ["what files do I have?", [list()]],
  ["show me all files in the notes folder", [list("notes")]],
  ["what's in notes/?", [list("notes")]],
  ["list the directory notes/deep", [list("notes/deep")]],
  ["do I have any files?", [list()]],
  ["What's in my workspace?", [list()]],
  ['browse the folder "my stuff"', [list("my stuff")]],
  ["list files, then read notes/a.txt", [list(), read(NOTE)]],
  ["search for tide", [search("tide")]],
  ['find "tide" in my files', [search("tide")]],
  ["which files mention tide?", [search("tide")]],
  ["where does tide appear?", [search("tide")]],
  ["grep tide in notes/", [search("tide", "notes")]],
  ["look for the word tide in the notes folder", [search("tide", "notes")]],
  ["Search my files for “hello, then bye”", [search("hello, then bye")]],
  ["do any of my files mention tide?", [search("tide")]],
  ["Is tide mentioned anywhere in my files?", [search("tide")]],
  ["show me every line with the word tide", [search("tide")]],
  ["where did I write about tides?", [search("tides")]],
  ["delete notes/a.txt", [remove(NOTE)]],
  ["remove the file notes/a.txt please", [remove(NOTE)]],
  ["get rid of notes/a.txt", [remove(NOTE)]],
  ["rm notes/a.txt", [remove(NOTE)]],
  ["thanks, now delete it", [remove("notes/old.txt")]],
  ["please remove both a.txt and b.txt", [remove("a.txt"), remove("b.txt")]],
  ["throw away notes/a.txt and list my files", [remove(NOTE), list()]],
  [
    "write hello to notes/a.txt, change hello to bye, read it and delete it",
    [write(NOTE, "hello"), edit(NOTE, "hello", "bye"), read(NOTE), remove(NOTE)],
  ],
];

describe("all tools, in many wordings", () => {
  const earlier: Message[] = [
    { role: "user", parts: [{ type: "text", text: "write x to notes/old.txt" }] },
    {
      role: "assistant",
      parts: [{ type: "call", id: "t1", name: "write", input: { path: "notes/old.txt", text: "x" } }],
    },
    {
      role: "user",
      parts: [{ type: "result", id: "t1", text: '{"path":"notes/old.txt","sizeBytes":1}', failed: false }],
    },
    { role: "assistant", parts: [{ type: "text", text: "Created `notes/old.txt`. The demo model did it." }] },
  ];
  /** Has everything that is read, edited or deleted, so that no step stops at a missing file. */
  const workspace = () =>
    new MemoryWorkspace(
      Object.fromEntries(
        [
          NOTE,
          "a.txt",
          "b.txt",
          "notes/c.md",
          "src/index.ts",
          "README.md",
          "my notes.txt",
          "notes/old.txt",
          "list.md",
          "../../etc/passwd",
        ].map((path) => [path, "hello helo tide a.txt"]),
      ),
    );

  it.each(WORDINGS)("%s", (said, calls) => {
    expect(converse(said, { earlier, workspace: workspace() }).rounds.flat()).toEqual(calls);
  });

  it("covers every tool, and reading back at least twenty times", () => {
    expect(new Set(WORDINGS.flatMap(([, calls]) => calls.map(([name]) => name))).size).toBe(6);
    expect(WRITE_THEN_READ.length).toBeGreaterThanOrEqual(20);
    expect(WORDINGS.length + WRITE_THEN_READ.length).toBeGreaterThanOrEqual(60);
  });
});

describe("long and hostile requests", () => {
  const of = (part: string) => part.repeat(Math.ceil(60_000 / part.length));
  it.each([
    ["prose", of("hello tide and more, then some. ")],
    ["spaces", `write x${" ".repeat(60_000)}to a.txt`],
    ["line breaks", of("\n")],
    ["connectives", of("then ")],
    ["open quotes", of("«“'\"`")],
    ["open brackets", of("[a](")],
    ["paths", of("../a/")],
    ["politeness", `read a.txt${of(" please")}`],
    ["files", `which ${of("files ")}`],
    ["steps", of("write a to b.txt, then read it. ")],
  ])("takes time in proportion to the request: %s", (_what, said) => {
    const from = performance.now();
    answer({
      system: of("You are "),
      messages: [{ role: "user", parts: [{ type: "text", text: said }] }],
      tools: FILE_TOOLS,
    });
    // A tenth of this in practice; an expression that walks the text for each of its places takes minutes.
    expect(performance.now() - from).toBeLessThan(3_000);
  });

  it("writes a long text whole", () => {
    const workspace = new MemoryWorkspace();
    const text = of("a line, and then read it; so what.\n").trim();
    converse(`write the following to notes/long.txt:\n${text}\n\nThen read it back.`, { workspace });
    expect(workspace.files.get("notes/long.txt")).toBe(text);
  });
});

const TALK = [
  "hello",
  "what is that?",
  "what's the weather in Berlin?",
  "open the pod bay doors",
  "write an email to bob@example.com",
  "Is this and/or that better? See example.com",
  "can you write files?",
  "what's your favourite file?",
  "search the web for kelp",
  "write a poem",
  "What is a Durable Object?",
  "Schreibe hallo in a.txt",
  "I love the notes/b.txt file and what it stands for in my life",
];

describe("words that ask for no file", () => {
  it.each(TALK)("%s", (said) => {
    const { rounds, final } = converse(said);
    expect(rounds).toEqual([]);
    expect(final).not.toBe("");
  });
});
