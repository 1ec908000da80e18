/** The newest request in a conversation: its words, its attachments, what was before it and what happened since. */
import type { Message, Part } from "../wire/call.ts";
import { NOTE } from "./chat.ts";
import type { Before } from "./context.ts";
import { atomsIn, mask } from "./mask.ts";

export interface Attachment {
  name: string;
  /** Where it is in the workspace; `null` for what travels inside the message. */
  path: string | null;
}

export interface Cut {
  earlier: Message[];
  /** The request's words; empty when it is only an attachment. */
  said: string;
  files: Attachment[];
  since: Part[];
}

/** How a runtime tells a model of an attached workspace file, and of a message without words. */
const ATTACHED = /^\[Attached file: (.+) \([^()]*\)\]$/;
const NOTICE = /^\[(?:Attached file: .+|An empty message|The file .+ is gone\.)\]$/;
/** What a schedule adds to its words when it is due. */
const OCCASION = /\n\n\(Schedule s[0-9a-f]{12}, due [^()]{1,1000}\)$/;
/** A schedule's id in what the tool gave back. */
const SCHEDULE_ID = /"id":"(s[0-9a-f]{12})"/g;
/** What a failed turn leaves behind instead of an answer. */
const FAILED = /^\[This answer failed: /;

/**
 * Cuts the conversation at the newest message with words or a file. Messages that nobody answered may have been
 * joined into one: the last words of it are the request.
 */
export function cutAtRequest(messages: Message[]): Cut {
  const at = messages.findLastIndex(
    ({ role, parts }) => role === "user" && parts.some(({ type }) => type === "text" || type === "file"),
  );
  const own = messages[at]?.parts ?? [];
  const isWords = (part: Part) => part.type === "text" && !NOTICE.test(part.text.trim());
  const last = own.findLastIndex(isWords);
  const before = own.slice(0, Math.max(last, 0)).findLastIndex(isWords);
  const words = own[last];
  const files = own.slice(before + 1).flatMap(attachmentsOf);
  return {
    earlier: messages.slice(0, Math.max(at, 0)),
    said: words?.type === "text" ? words.text.replace(OCCASION, "") : "",
    // A picture in the workspace comes twice: as a notice with its path, and as itself, often without a name.
    files: files.some(({ path }) => path !== null) ? files.filter(({ path }) => path !== null) : files,
    since: messages.slice(at + 1).flatMap(({ parts }) => parts),
  };
}

function attachmentsOf(part: Part): Attachment[] {
  if (part.type === "file") return [{ name: part.name, path: null }];
  const path = part.type === "text" ? ATTACHED.exec(part.text.trim())?.[1] : undefined;
  return path === undefined ? [] : [{ name: path, path }];
}

/** Files that were spoken of before, and the newest answer. What is attached now is what "it" means. */
export function beforeOf({ earlier, files }: Cut): Before {
  const paths: string[] = [];
  const schedules: string[] = [];
  let newest = "";
  for (const { role, parts } of earlier) {
    for (const part of parts) {
      if (part.type === "text" && role === "user") {
        const attached = attachmentsOf(part).flatMap(({ path }) => path ?? []);
        const { text, atoms } = mask(attached.length > 0 ? "" : part.text);
        paths.push(...attached, ...atomsIn(text, atoms, "path").map(({ value }) => value));
      }
      if (
        part.type === "text" &&
        role === "assistant" &&
        part.text.trim() !== "" &&
        !FAILED.test(part.text)
      ) {
        newest = part.text;
      }
      if (part.type === "result")
        schedules.push(...[...part.text.matchAll(SCHEDULE_ID)].map(([, id]) => id ?? ""));
      if (part.type !== "call" || typeof part.input !== "object" || part.input === null) continue;
      if (
        "path" in part.input &&
        typeof part.input.path === "string" &&
        !["list", "search"].includes(part.name)
      ) {
        paths.push(part.input.path);
      }
    }
  }
  paths.push(...files.flatMap(({ path }) => path ?? []));
  return { paths, schedules, answer: newest.replace(NOTE, "").trim() };
}
