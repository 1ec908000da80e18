/** What the page of a shared chat says. */
import type { SharedPart } from "../../protocol/shares.ts";

type ToolState = Extract<SharedPart, { type: "tool" }>["state"];

export const shareTexts = {
  untitled: "A shared chat",
  readOnly: "Read only",
  live: "Follows the chat",
  until: (when: string) => `until ${when}`,
  person: "Person",
  agent: "Agent",
  from: (name: string) => `From ${name}`,
  messages: "Messages",
  writing: "The answer is being written",
  cancelled: "This answer was stopped.",
  failed: "This answer failed.",
  attachments: (n: number) =>
    n === 1 ? "A file that is not part of this link" : `${n} files that are not part of this link`,
  older: "Show older messages",
  loadingOlder: "Loading …",
  empty: "There is nothing in this chat yet.",
  goneTitle: "This link leads nowhere any more",
  expired: "It has expired. Ask whoever sent it for a new one.",
  gone: "Ask whoever sent it for a new one.",
  failedTitle: "The chat cannot be reached",
  failedHint: "This page tries again by itself.",
  again: "Try again",
  unreachable: "Not reachable right now. What you see may not be the newest.",
  made: "Shared from Holdfast",
  madeHint: "What is said here comes from a person and an AI agent. It may be wrong.",
  loading: "Loading",
} as const;

/** What a tool did where nothing more of it is shown. */
const DID: Readonly<Record<string, string>> = {
  read: "Read a file",
  write: "Wrote a file",
  edit: "Changed a file",
  delete: "Deleted a file",
  list: "Looked through files",
  search: "Searched in files",
  fetch: "Fetched a page",
  browse: "Looked at a page",
  shell: "Ran a command",
  code: "Ran code",
  schedule: "Set a reminder",
  remember: "Made a note",
  recall: "Looked at notes",
};

const HOW: Readonly<Record<ToolState, string>> = {
  done: "",
  running: "running",
  asking: "waits for approval",
  failed: "did not work",
  denied: "was not allowed",
};

export const toolText = (name: string, state: ToolState): string =>
  [DID[name] ?? `Used ${name.replace(/[_-]+/g, " ")}`, HOW[state]].filter(Boolean).join(" · ");
