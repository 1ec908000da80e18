/** Events as a person reads them in a terminal, or as one JSON object a line. */
import { painter, printable } from "../terminal.ts";
import type { ChatEvent } from "./events.ts";

/** Longest line that shows a tool's input or output; the console shows all of it. */
const SUMMARY_CHARS = 100;
/** Inputs that name a call better than their JSON: shown as they are, in this order. */
const TELLING = ["path", "file", "query", "pattern", "url", "command", "name"] as const;

/** Outputs that say what the input said already, or nothing to a person. */
const UNTELLING = new Set(["path", "etag", "id"]);

export type Render = (event: ChatEvent) => void;

/** One JSON object a line. */
export const renderJson =
  (out: NodeJS.WritableStream): Render =>
  (event) =>
    void out.write(`${JSON.stringify(event)}\n`);

/** The answer's text on `out`, everything about it on `notes`, so that a pipe gets the answer alone. */
export function renderText(out: NodeJS.WriteStream, notes: NodeJS.WriteStream): Render {
  const paint = painter(notes);
  let lineOpen = false;
  let thinking = false;
  /** Calls that wait for a decision. */
  const asked = new Map<string, string>();

  const endLine = (): void => {
    if (thinking) notes.write("\n");
    if (lineOpen) out.write("\n");
    lineOpen = false;
    thinking = false;
  };
  const note = (line: string): void => {
    endLine();
    notes.write(`${line}\n`);
  };

  return (event) => {
    switch (event.event) {
      case "accepted":
        if (event.joins) note(paint("dim", "The answer will read it."));
        else if (event.queued) note(paint("dim", "Waiting for the answer before this one …"));
        return;
      case "text": {
        if (thinking) endLine();
        const text = printable(event.delta);
        out.write(text);
        lineOpen = !text.endsWith("\n");
        return;
      }
      case "reasoning":
        // Thoughts are for people who watch, not for log files.
        if (!notes.isTTY) return;
        if (lineOpen) endLine();
        thinking = true;
        notes.write(paint("dim", printable(event.delta)));
        return;
      case "tool":
        return note(
          `${paint("cyan", "→")} ${paint("bold", printable(event.name))} ${inputLine(event.input)}`,
        );
      case "joined":
        return note(paint("dim", "(reads what was said meanwhile)"));
      case "approval":
        asked.set(event.id, callLine(event));
        return;
      case "progress":
        return note(`  ${paint("dim", progressLine(event.output))}`);
      case "result":
        asked.delete(event.id);
        return note(`${paint("green", "←")} ${outputLine(event.output)}`);
      case "tool-error":
        asked.delete(event.id);
        return note(`${paint("red", "✗")} ${shorten(event.error)}`);
      case "restarted":
        return note(paint("yellow", "The answer was interrupted and begins again:"));
      case "reconnecting":
        return note(paint("dim", "Connection lost, trying again …"));
      case "done":
        endLine();
        if (event.outcome === "waiting") {
          for (const call of asked.values()) note(`${paint("yellow", "?")} ${call} waits for approval`);
        }
        if (event.outcome === "cancelled") note(paint("dim", "Stopped."));
        if (event.outcome === "failed" || event.outcome === "refused") {
          note(`${paint("red", "✗")} ${printable(event.message ?? "The answer failed.")}`);
        }
        return;
    }
  };
}

/** A call on one line: the tool, and what it is about. */
export const callLine = (call: { name: string; input: unknown }): string =>
  `${printable(call.name)} ${inputLine(call.input)}`.trim();

/** A tool's input on one line: what it is about if that can be told, else its JSON. */
export function inputLine(input: unknown): string {
  if (typeof input !== "object" || input === null) return shorten(asText(input));
  const fields = new Map(Object.entries(input));
  for (const name of TELLING) {
    const value = fields.get(name);
    if (typeof value !== "string" || value === "") continue;
    return shorten(fields.size > 1 ? `${value} …` : value);
  }
  return fields.size === 0 ? "" : shorten(asText(input));
}

/** A tool's output on one line: the first line of a text, the scalars of an object. */
export function outputLine(output: unknown): string {
  if (typeof output !== "object" || output === null || Array.isArray(output)) return shorten(asText(output));
  const scalars = Object.entries(output).flatMap(([name, value]) => {
    if (UNTELLING.has(name)) return [];
    if (value === true) return [name];
    if (typeof value === "number" && name.endsWith("Bytes")) return [`${value} bytes`];
    if (typeof value === "number") return [`${name} ${value}`];
    return typeof value === "string" && value !== "" ? [`${name}: ${firstLine(value)}`] : [];
  });
  return shorten(scalars.length > 0 ? scalars.join(", ") : asText(output));
}

function progressLine(output: unknown): string {
  const inside =
    typeof output === "object" && output !== null && "progress" in output ? output.progress : output;
  return shorten(asText(inside));
}

const asText = (value: unknown): string =>
  typeof value === "string" ? value : (JSON.stringify(value) ?? "");
const firstLine = (text: string): string => text.trim().split("\n", 1)[0] ?? "";

function shorten(text: string): string {
  const line = printable(firstLine(text)).replaceAll("\t", " ");
  return line.length <= SUMMARY_CHARS ? line : `${line.slice(0, SUMMARY_CHARS - 1)}…`;
}
