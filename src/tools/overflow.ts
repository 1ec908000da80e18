/** What a tool returns beyond `limits.toolResultBytes` goes to a file; the model gets its beginning and its end. */
import { createHash } from "node:crypto";
import { limits } from "../limits.ts";
import { beginningOf } from "./files/lines.ts";
import { jsonBytes, textBytes } from "./size.ts";
import type { ToolContext } from "./tool.ts";

/** Directory in the workspace for results that were too long. */
export const RESULTS_DIRECTORY = ".results";

/** Room for the words around head and tail. */
const FRAME_BYTES = 2 * 1024;
/** Share of the room that the beginning gets. Most results say what they are about there. */
const HEAD_SHARE = 0.75;

/** What the model gets in place of a result that is too long. */
export interface Overflow {
  truncated: true;
  /** Size of the whole result. */
  sizeBytes: number;
  /** Where the whole result is; missing when it could not be kept. */
  path?: string;
  head: string;
  tail: string;
  note: string;
}

/** A call's id as a file name. Providers choose these ids, so two that differ must not meet in one name. */
function fileName(callId: string): string {
  const plain = callId.replace(/[^A-Za-z0-9_-]/g, "").slice(0, 80);
  const isSame = plain === callId && plain !== "";
  return isSame
    ? plain
    : `${plain || "call"}-${createHash("sha256").update(callId).digest("hex").slice(0, 8)}`;
}

/** `output` if it fits; else what stands in for it, with the path that was written. */
export async function capped(
  output: unknown,
  context: ToolContext,
): Promise<{ output: unknown; changed: string[] }> {
  if (jsonBytes(output) <= limits.toolResultBytes) return { output, changed: [] };
  // Lines, because the model reads files by lines.
  const text = typeof output === "string" ? output : JSON.stringify(output, null, 2);
  const path = `${RESULTS_DIRECTORY}/${fileName(context.call.id)}.${typeof output === "string" ? "txt" : "json"}`;
  const room = limits.toolResultBytes - FRAME_BYTES;
  const head = beginningOf(text, room * HEAD_SHARE);
  const cut = {
    truncated: true as const,
    sizeBytes: textBytes(text),
    head,
    tail: endOf(text.slice(head.length), room * (1 - HEAD_SHARE)),
  };
  try {
    const key = `${context.call.idempotencyKey}:result`;
    const { file } = await context.ports.files.write(path, text, { key });
    const note =
      "The result is too long for one answer. The whole of it is in the file: use read on parts of it.";
    return { output: { ...cut, path: file.path, note } satisfies Overflow, changed: [file.path] };
  } catch (error) {
    console.error("tools: a long result could not be kept", error);
    const note =
      "The result is too long for one answer, and the whole of it could not be kept. Ask for less at once.";
    return { output: { ...cut, note } satisfies Overflow, changed: [] };
  }
}

/** The longest end of `text` that takes at most `maxBytes` as JSON, without half a character at its beginning. */
function endOf(text: string, maxBytes: number): string {
  let low = 0;
  let high = Math.min(text.length, Math.floor(maxBytes));
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (jsonBytes(text.slice(text.length - middle)) <= maxBytes) low = middle;
    else high = middle - 1;
  }
  const end = text.slice(text.length - low);
  const first = end.charCodeAt(0);
  return first >= 0xdc00 && first <= 0xdfff ? end.slice(1) : end;
}
