/** Writes docs/performance.md and its chart from one report: every figure in them was measured in that run. */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { projectPaths } from "../../local/lib/paths.ts";
import { chart } from "./chart.ts";
import { type EdgeFigures, edgeTable } from "./edge.ts";
import type { Line } from "./goals.ts";
import { PEERS } from "./peers.ts";
import type { Report } from "./report.ts";
import { EDGE, SURVIVAL, sectionIn, withSection } from "./sections.ts";
import { markdownTable, number } from "./table.ts";

const CHART = "performance.svg";
const PROFILE_ROWS = 14;

/** Returns what it wrote. */
export function writeDocs(report: Report, lines: readonly Line[]): string[] {
  const svg = join(projectPaths.root, "docs/images", CHART);
  const page = join(projectPaths.root, "docs/performance.md");
  const charted = lines.filter((line) =>
    /^(First text, 200|Whole|CPU|Rows a turn|Cold actor)/.test(line.metric),
  );
  writeFileSync(svg, chart(charted, report.peers));
  // A campaign and `--edge` wrote these sections, and write them again when they are run again.
  const before = readFileSync(page, "utf8");
  const whole = [SURVIVAL, EDGE].reduce(
    (text, title) => {
      const section = sectionIn(before, title);
      return section === null ? text : withSection(text, title, section);
    },
    pageOf(report, lines),
  );
  writeFileSync(page, whole);
  return [page, svg];
}

/** Returns what it wrote. */
export function writeEdge(figures: EdgeFigures): string {
  const page = join(projectPaths.root, "docs/performance.md");
  const text = `Token, catalog, policy and headers of a JSON answer that no actor is asked for (\`GET /api/tools\`), beside a Worker of
Hono and jose that checks the same token and gives the same answer. Both in workerd, interleaved, over eight connections;
the request log goes to another process, as D1 is one in production (Miniflare's runs on the Worker's own thread), and
rate limits are counted in memory, as the platform does (Miniflare writes each count to the disk);
in brackets the slowest and the fastest round. \`npm run bench -- --edge\`

${edgeTable(figures)}`;
  writeFileSync(page, withSection(readFileSync(page, "utf8"), EDGE, text));
  return page;
}

function pageOf(report: Report, lines: readonly Line[]): string {
  return `# Performance

Written by \`npm run bench -- --write-docs\`. Milliseconds depend on the machine, and on what else it did; ratios of
figures from one run travel further. Run it yourself before you rely on either.

## What came out

${statements(report).join("\n")}

![Cost of a turn as a multiple of the raw Durable Object](images/${CHART})

${markdownTable(lines, report.peers)}

${report.reps} repetitions (long ones ${Math.max(1, Math.ceil(report.reps * 0.6))}, the 20 s turns 1), medians of medians, with the lowest
and highest median in brackets. ${cpus().length} processors, shared by workerd, the provider and the clients;
the load average before the run was ${number(report.load)}, so anything above 1 in it is work of others that these figures carry.
Rows are SQL rows written, key-value writes and alarms set; the goal is for the conversation's actor, and what the user's
actor writes stands below it.

## How it is measured

- Every peer is built by wrangler, minified, for the compatibility date of \`wrangler.toml\`, and served by workerd
  itself on loopback, with SQLite on disk. No development proxy and no guard is in any path.
- The provider is an HTTP server in another process that speaks Anthropic's Messages API. *Unpaced*: pieces of 4 KB,
  cut anywhere, as fast as they are taken. *Paced*: one token, one write, every 10 ms.
- The clients are in a third process and keep WebSockets open. They post their whole list of messages, as stock
  clients do, and check that the whole answer came. In the long conversations they post the newest message only.
- Peers take turns within each repetition. CPU is the processor time of that peer's workerd, from the kernel's
  scheduler; ours holds that of the user's actor and of the stand-in for D1, which in production run elsewhere.
- **Raw object**: two rows a turn, the deltas of one read forwarded as one frame, no history sent to the model.
  **Holdfast**: the real conversation and user actors, behind an entry that makes the router's headers.
  **AIChatAgent** and **Think** as their read-me files set them up, with the AI SDK's Anthropic provider:
  ${packageVersions()}.
  Think comes with workspace tools, which make its request larger; so do ours.
- Rows and statements are counted in a run of their own, in every actor that the turn touches, until nothing has been
  written for 1.5 s. The first turn of a chat, which makes tables and titles, is not counted.
- Holdfast's model has a price, as real ones do: each turn asks the user's purse for a lease before its call. With a
  free model a turn has a row, two disk syncs and a call to the user's actor less.
- An actor's first frame leaves only when what it wrote is on the disk. On a busy disk that wait is most of the first
  frame; \`--state\` with a memory file system takes it out.
- Start-up is from the start of workerd to the first answer, less that of an empty Worker. For Holdfast, size and
  start-up are those of the whole deployed Worker, with the router; for the others, of the object and its entry.
- Journals of long conversations are made by repeating a real turn of 200 tokens through the Journal itself. At 500
  turns the model's window is full: from there on a turn's request grows no more, and what is left is the journal's
  own length. A cold wake reads a checkpoint of the fold and what came after it.

${lengthsText(report)}## Where the time goes

${COSTS}

${profileText(report)}
`;
}

/** What counting showed, which no run of the bench measures. */
const COSTS = `Of a chat's first turn with a priced model, counted with \`strace\` on workerd (200 tokens; raw object: two syncs):

| Disk sync | Actor | Before the first text |
|---|---|---|
| the alarm | conversation (a file of its own in workerd) | yes |
| the input and its wake | conversation | yes |
| the lease | user | yes |
| the lease and the call | conversation | yes |
| the answer and the end of the turn | conversation | no |
| the list of chats; search | user, two | no |
| the wake, cancelled; its alarm | conversation, two | no |

workerd runs an object's syncs on the thread that runs its code, so on one machine all nine count for turns a second,
and four stand before the first text; the raw object has one there. That is the price of P1 and P7. At 10 ms a token
one build had its first text after 48 to 58 ms on a busy disk, 23 to 25 ms on the same disk minutes later, and 20 to
23 ms with the databases in memory (\`--state\`), where the raw object had 13 to 14 ms: it is the disk and no delayed
acknowledgement, which would be 40 ms everywhere; workerd sets \`TCP_NODELAY\` on both sides.

The lease was the dearest part: a row, two syncs and a call to another actor. A chat now keeps what is left of it for its
next turns, and gives it back when another chat needs it: from the second turn on, one with a priced model has the five
rows of one with a free model, and asks nobody before the first text.

Tried and left: asking the purse before the input is committed (the same nine syncs, in the same order);
telling the list of chats and search side by side (the same). Not tried: leaving the wake to stand after a turn. It
would fire, for five rows, unless the next question comes within 20 s; letting it go costs one.`;

function statements(report: Report): string[] {
  const out: string[] = [];
  const { ours, aichat, raw, think } = report.unpaced200;
  for (const [other, title] of [
    [aichat, PEERS.aichat.title],
    [think, PEERS.think.title],
    [raw, PEERS.raw.title],
  ] as const) {
    if (!ours || !other) continue;
    const ratio = (of: (timing: NonNullable<typeof ours>) => number) => number(of(ours) / of(other));
    out.push(
      `- Against ${title}, a turn of 200 tokens: first text ${ratio((t) => t.first.value)} ×, whole turn ${ratio((t) => t.whole.value)} ×, CPU ${ratio((t) => t.cpu.value)} ×.`,
    );
  }
  const rows = [report.rows200.ours, report.rows2000.ours, report.rowsPaced.ours].map(
    (row) => row?.conversation,
  );
  if (rows[0] !== undefined) {
    const others = (["aichat", "think"] as const).flatMap((name) => {
      const [short, long] = [report.rows200[name], report.rows2000[name]];
      return short && long
        ? [`${PEERS[name].title} ${number(short.conversation)} and ${number(long.conversation)}`]
        : [];
    });
    const long = rows[2] === undefined ? "" : `, and ${number(rows[2])} over 20 s`;
    out.push(
      `- A turn of 200 tokens writes ${number(rows[0])} rows, one of 2,000 tokens ${number(rows[1] ?? 0)}${long}. ${others.join("; ")}.`,
    );
  }
  return out;
}

function lengthsText(report: Report): string {
  if (report.lengths.length === 0) return "";
  const rows = report.lengths.map(
    (one) =>
      `| ${number(one.turns)} | ${number(one.journalRows)} | ${number(one.requestBytes / 1024)} | ${number(one.warm.value)} | ${number(one.coldTranscript.value)} | ${number(one.coldFirst.value)} |`,
  );
  return `## Long conversations

| Turns | Journal rows | Request to the model (KB) | First text, warm (ms) | Cold, to the transcript (ms) | Cold, to first text (ms) |
|---:|---:|---:|---:|---:|---:|
${rows.join("\n")}

`;
}

function profileText(report: Report): string {
  if (report.profile.length === 0) return `No profile: ${report.profileProblem ?? "it was not taken"}.`;
  const rows = report.profile
    .slice(0, PROFILE_ROWS)
    .map(
      ({ module, share, top }) =>
        `| ${module} | ${percent(share)} | ${top.map((one) => `${one.name} ${percent(one.share)}`).join(", ")} |`,
    );
  return `A processor profile of 60 turns of 2,000 tokens, unpaced, by module; parts of the time in which the isolate was busy.
*The platform's own code* is workerd outside of JavaScript: sockets, SQLite, streams.

| Module | Busy time | Most of it in |
|---|---:|---|
${rows.join("\n")}`;
}

const percent = (share: number): string => `${(share * 100).toFixed(1)}%`;

function packageVersions(): string {
  const manifest = z
    .object({ dependencies: z.record(z.string(), z.string()) })
    .parse(JSON.parse(readFileSync(join(projectPaths.root, "bench/package.json"), "utf8")));
  return ["@cloudflare/ai-chat", "@cloudflare/think", "agents", "ai", "@ai-sdk/anthropic"]
    .map((name) => `${name} ${manifest.dependencies[name]}`)
    .join(", ");
}
