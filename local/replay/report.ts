/** What a replay found, for the terminal. Pure: the colours are handed in. */

import type { Difference, Replayed } from "../../src/actors/conversation/replay.ts";
import { printable } from "../lib/terminal.ts";
import { lineDiff } from "./diff.ts";
import type { Call } from "./recorded.ts";
import type { Compared, Side } from "./what-if.ts";

type Paint = (style: "red" | "green" | "yellow" | "dim" | "bold", text: string) => string;

/** Characters of each side of a difference that are shown. */
const SHOWN_CHARS = 300;
const CALL_CHARS = 60;
const ASKED_CHARS = 60;

/** The differences one by one, and then all of what was written against all of what was replayed. */
export function differencesText(result: Replayed, paint: Paint): string {
  const blocks = result.differences.map((one) => paint("red", differenceText(one)));
  const diff = lineDiff(result.lines.written, result.lines.replayed);
  if (diff.length > 0) blocks.push(`${paint("bold", "--- as written\n+++ as replayed")}\n`);
  for (const { mark, text } of diff) {
    const line = `${mark} ${clip(printable(text), SHOWN_CHARS)}\n`;
    blocks.push(mark === "-" ? paint("red", line) : mark === "+" ? paint("green", line) : paint("dim", line));
  }
  return blocks.join("");
}

function differenceText({ seq, what, written, replayed }: Difference): string {
  const where = seq > 0 ? `entry ${seq}` : "the file";
  const side = (text: string) => clip(printable(text), SHOWN_CHARS);
  return `${where}: ${what}\n  - ${side(written)}\n  + ${side(replayed)}\n`;
}

/** Erased payloads, and kinds of a later release: said, and no failure. */
export function remarksText(result: Replayed): string {
  const lines: string[] = [];
  const { erased, unverified, unknown } = result;
  if (erased.length > 0) {
    const some = erased.slice(0, 10).join(", ") + (erased.length > 10 ? ", …" : "");
    lines.push(
      `${erased.length} payloads were erased (entries ${some}); behind the first, ${unverified.length} decisions cannot be verified.`,
    );
  }
  if (unknown.length > 0) {
    lines.push(`Entries of kinds that this version does not know were passed over: ${unknown.join("; ")}.`);
  }
  return lines.map((line) => `${printable(line)}\n`).join("");
}

export function verdictText(result: Replayed, paint: Paint): string {
  const count = result.differences.length;
  const verdict =
    count === 0
      ? paint("green", "the same transcript and the same requests")
      : paint("red", `${count} difference${count === 1 ? "" : "s"}`);
  return (
    `${result.entries} entries, ${result.decisions} decisions, ${result.calls} requests, ` +
    `${result.messages.length} messages: ${verdict}\n`
  );
}

/** One turn side by side: which tools were chosen then and now, tokens and cost. */
export function comparedText(compared: Compared, number: number, paint: Paint): string {
  const { recorded, now, same } = compared;
  const mark = same ? paint("green", "same") : paint("yellow", "different");
  const asked = clip(printable(compared.asked).replace(/\s+/g, " "), ASKED_CHARS);
  const rows: [string, string, string][] = [["", "recorded", "now"]];
  const calls = Math.max(recorded.calls.length, now.calls.length, 1);
  for (let i = 0; i < calls; i++) {
    rows.push([i === 0 ? "tools" : "", callText(recorded.calls[i]), callText(now.calls[i])]);
  }
  rows.push(["tokens in", count(recorded.inputTokens), count(now.inputTokens)]);
  rows.push(["tokens out", count(recorded.outputTokens), count(now.outputTokens)]);
  rows.push(["cost", moneyText(recorded.micros), moneyText(now.micros)]);
  rows.push(["outcome", recorded.outcome ?? "none", outcomeText(now)]);
  const stubs = compared.stubbed > 0 ? `  ${compared.stubbed} of the calls of now were not run\n` : "";
  return `${paint("bold", `turn ${number}`)} ${mark}  ${asked}\n${tableText(rows)}${stubs}\n`;
}

/** All turns in one table: turn, calls then, calls now, the same or not; and the sums. */
export function summaryText(all: readonly Compared[], paint: Paint): string {
  const rows: [string, string, string, string][] = [["turn", "recorded calls", "new calls", ""]];
  for (const [i, one] of all.entries()) {
    rows.push([
      String(i + 1),
      namesText(one.recorded.calls),
      namesText(one.now.calls),
      one.same ? "same" : "different",
    ]);
  }
  const sum = (side: "recorded" | "now", what: "inputTokens" | "outputTokens") =>
    all.reduce((total, one) => total + one[side][what], 0);
  const cost = (side: "recorded" | "now") =>
    all.reduce<number | null>((total, one) => {
      const { micros } = one[side];
      return total === null || micros === null ? null : total + micros;
    }, 0);
  const sameCount = all.filter((one) => one.same).length;
  const tokens = (side: "recorded" | "now") =>
    `${count(sum(side, "inputTokens"))} tokens in, ${count(sum(side, "outputTokens"))} out, ${moneyText(cost(side))}`;
  const verdict = `${sameCount} of ${all.length} turns choose the same tools`;
  return (
    `${tableText(rows)}\n  recorded: ${tokens("recorded")}\n  now:      ${tokens("now")}\n` +
    `${paint(sameCount === all.length ? "green" : "yellow", verdict)}\n`
  );
}

const outcomeText = (side: Side): string =>
  side.error
    ? `${side.outcome ?? "none"}: ${clip(printable(side.error), CALL_CHARS)}`
    : (side.outcome ?? "none");

const callText = (call: Call | undefined): string =>
  call ? clip(printable(`${call.name} ${call.input}`).replace(/\s+/g, " "), CALL_CHARS) : "–";

const namesText = (calls: readonly Call[]): string =>
  clip(calls.map((call) => printable(call.name)).join(" ") || "–", CALL_CHARS);

function tableText(rows: readonly (readonly string[])[]): string {
  const columns = rows[0]?.length ?? 0;
  const widths = Array.from({ length: columns }, (_, c) =>
    Math.max(...rows.map((row) => row[c]?.length ?? 0)),
  );
  return rows
    .map((row) => `  ${row.map((cell, c) => cell.padEnd(widths[c] ?? 0)).join("  ")}`.trimEnd())
    .map((line) => `${line}\n`)
    .join("");
}

const count = (value: number): string => value.toLocaleString("en-US");

/** `$0.001234`; a model without a price says so. */
const moneyText = (micros: number | null): string =>
  micros === null ? "no price" : `$${(micros / 1_000_000).toFixed(6).replace(/(\.\d\d\d*?)0+$/, "$1")}`;

const clip = (text: string, chars: number): string =>
  text.length <= chars ? text : `${text.slice(0, chars - 1)}…`;
