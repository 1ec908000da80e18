/** A block of code: its language, a copy button, and colours as soon as the highlighter is there. */
import type { ReactNode } from "react";
import { memo, useEffect, useState } from "react";
import { texts } from "../texts.ts";
import { CopyButton } from "../ui/CopyButton.tsx";

type Highlight = (code: string, language: string) => ReactNode | null;

let highlight: Highlight | null = null;
let loading: Promise<void> | null = null;

function load(): Promise<void> {
  loading ??= import("./highlight.ts").then((module) => {
    highlight = module.highlighted;
  });
  return loading;
}

/** The highlighter, or `null` until it has been loaded. */
function useHighlight(wanted: boolean): Highlight | null {
  const [ready, setReady] = useState(highlight !== null);
  useEffect(() => {
    if (ready || !wanted) return;
    let here = true;
    // Without it code is shown plain, which is no failure to tell anybody of.
    load().then(
      () => here && setReady(true),
      () => {},
    );
    return () => {
      here = false;
    };
  }, [ready, wanted]);
  return ready ? highlight : null;
}

export const CodeBlock = memo(function CodeBlock({ code, language }: { code: string; language: string }) {
  const paint = useHighlight(language !== "");
  const coloured = language && paint ? paint(code, language.toLowerCase()) : null;
  return (
    <figure className="code-block group/code">
      <figcaption>
        <span>{language || texts.markdown.plain}</span>
        <CopyButton text={() => code} label={texts.markdown.copyCode} />
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a wide block is scrolled with the keyboard */}
      <pre tabIndex={0}>
        <code>{coloured ?? code}</code>
      </pre>
    </figure>
  );
});
