/** A chat before its first message: who is here, and three things to begin with. */
import type { Icon } from "@phosphor-icons/react";
import { AirplaneTiltIcon, FilesIcon, PencilLineIcon } from "@phosphor-icons/react";
import { useAgent } from "../app/services.tsx";
import { texts } from "../texts.ts";
import { Mark } from "../ui/Mark.tsx";

const ICONS: readonly Icon[] = [AirplaneTiltIcon, FilesIcon, PencilLineIcon];

export function EmptyChat({ choose }: { choose(text: string): void }) {
  const { name } = useAgent();
  return (
    <div className="empty-chat">
      <Mark className="size-12" />
      <h2>{texts.chat.emptyTitle(name)}</h2>
      <p>{texts.chat.emptyHint}</p>
      <ul>
        {texts.chat.suggestions.map((suggestion, index) => {
          const SuggestionIcon = ICONS[index] ?? PencilLineIcon;
          return (
            <li key={suggestion.title}>
              <button type="button" onClick={() => choose(suggestion.text)}>
                <SuggestionIcon aria-hidden="true" className="size-5 text-accent" />
                <strong>{suggestion.title}</strong>
                <span>{suggestion.text}</span>
              </button>
            </li>
          );
        })}
      </ul>
    </div>
  );
}
