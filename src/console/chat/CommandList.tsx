/** The commands that a slash in the message box may become. The box keeps the focus and says which one is meant. */

import { texts } from "../texts.ts";
import type { CommandName } from "./commands.ts";
import { describeCommand } from "./commands.ts";

export const COMMAND_LIST_ID = "commands";
export const commandId = (name: CommandName): string => `command-${name}`;

export interface CommandListProps {
  names: readonly CommandName[];
  active: CommandName;
  choose(name: CommandName): void;
}

export function CommandList({ names, active, choose }: CommandListProps) {
  return (
    <div role="listbox" id={COMMAND_LIST_ID} className="command-list" aria-label={texts.commands.label}>
      {names.map((name) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the message box has the keyboard
        <div
          key={name}
          id={commandId(name)}
          role="option"
          tabIndex={-1}
          aria-selected={name === active}
          // Before the box loses the focus.
          onMouseDown={(event) => event.preventDefault()}
          onClick={() => choose(name)}
        >
          <strong>/{name}</strong>
          <span>{describeCommand(name)}</span>
        </div>
      ))}
    </div>
  );
}
