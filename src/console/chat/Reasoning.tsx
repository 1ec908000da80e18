/** What the model thought before it spoke: folded unless it is being written or asked for. */
import { BrainIcon, CaretRightIcon } from "@phosphor-icons/react";
import { memo, useId, useState } from "react";
import { Markdown } from "../markdown/Markdown.tsx";
import { texts } from "../texts.ts";
import type { TextPart } from "./message.ts";

export const Reasoning = memo(function Reasoning({ part }: { part: TextPart }) {
  const [chosen, setChosen] = useState<boolean | null>(null);
  const id = useId();
  const open = chosen ?? part.streaming;
  if (!part.text.trim() && !part.streaming) return null;
  return (
    <div className="reasoning">
      <button type="button" aria-expanded={open} aria-controls={id} onClick={() => setChosen(!open)}>
        <BrainIcon aria-hidden="true" />
        <span className={part.streaming ? "shimmer-text" : ""}>
          {part.streaming ? texts.chat.reasoningLive : texts.chat.reasoning}
        </span>
        <CaretRightIcon aria-hidden="true" weight="bold" className={open ? "rotate-90" : ""} />
      </button>
      {open && (
        <div id={id} className="reasoning-text">
          <Markdown text={part.text} streaming={part.streaming} />
        </div>
      )}
    </div>
  );
});
