/** What can be typed into the message box instead of a message. Pure. */
import { texts } from "../texts.ts";

export const COMMANDS = ["undo", "new", "stop", "fork", "search"] as const;
export type CommandName = (typeof COMMANDS)[number];

export interface Command {
  name: CommandName;
  /** What follows the name; only `search` takes something. */
  rest: string;
}

const TAKES_WORDS: ReadonlySet<CommandName> = new Set(["search"]);

/** The command that a text is, or `null` for a message: paths and other words that begin with a slash are messages. */
export function commandFrom(text: string): Command | null {
  const [, word, rest = ""] = text.trim().match(/^\/([a-z]+)(?:\s+(.*))?$/s) ?? [];
  const name = COMMANDS.find((known) => known === word);
  if (!name || (rest && !TAKES_WORDS.has(name))) return null;
  return { name, rest: rest.trim() };
}

/** The commands that what was typed so far may become, in their order; none for a message. */
export function completionsOf(text: string): CommandName[] {
  const typed = text.match(/^\/([a-z]*)$/)?.[1];
  return typed === undefined ? [] : COMMANDS.filter((name) => name.startsWith(typed));
}

export const describeCommand = (name: CommandName): string => texts.commands.list[name];
