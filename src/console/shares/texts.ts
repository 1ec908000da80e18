/** The sentences about links to read a chat. */
import { SHARE_DAYS_MAX } from "../../protocol/shares.ts";

export const shareTexts = {
  title: (chat: string) => `Share “${chat}”`,
  intro: "Whoever has the link can read this chat, without signing in. They cannot write, and see no files.",
  what: "What it shows",
  fixed: "The chat as it is now",
  live: "The chat as it grows",
  days: "Ends after",
  dayChoices: [1, 7, 30, SHARE_DAYS_MAX],
  day: (n: number) => (n === 1 ? "1 day" : `${n} days`),
  names: "Show who wrote what",
  details: "Show what tools were given and gave back, and the agent's reasoning",
  create: "Make a link",
  once: "Copy the link now",
  onceNote: "It is shown this once. You can revoke it here at any time.",
  label: "Link",
  copy: "Copy the link",
  done: "I have it",
  links: "Links",
  none: "No link to this chat is open.",
  row: (live: boolean) => (live ? "Follows the chat" : "Fixed"),
  shown: (names: boolean, details: boolean) =>
    [names ? "with names" : "without names", details ? "with details of tools" : ""]
      .filter(Boolean)
      .join(", "),
  ends: (when: string) => `ends ${when}`,
  by: (by: string) => `by ${by}`,
  revoke: "Revoke",
  revokeQuestion: "Whoever has it open sees nothing any more.",
} as const;
