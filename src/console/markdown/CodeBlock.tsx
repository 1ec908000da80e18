/** A block of code: its language, a copy button, and colours as soon as the highlighter is there. */
import type { ReactNode, RefObject } from "react";
import { memo, useEffect, useRef, useState } from "react";
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

/** Whether there is more to see at the right edge of a box that scrolls, followed through scrolling and growing. */
function useMoreRight(): { box: RefObject<HTMLPreElement | null>; more: boolean } {
  const box = useRef<HTMLPreElement>(null);
  const [more, setMore] = useState(false);
  useEffect(() => {
    const at = box.current;
    if (!at) return;
    // Less than a pixel is rounding.
    const look = () => setMore(at.scrollWidth - at.clientWidth - at.scrollLeft > 1);
    const observer = new ResizeObserver(look);
    observer.observe(at);
    if (at.firstElementChild) observer.observe(at.firstElementChild);
    at.addEventListener("scroll", look, { passive: true });
    return () => {
      observer.disconnect();
      at.removeEventListener("scroll", look);
    };
  }, []);
  return { box, more };
}

export const CodeBlock = memo(function CodeBlock({ code, language }: { code: string; language: string }) {
  const paint = useHighlight(language !== "");
  const { box, more } = useMoreRight();
  const coloured = language && paint ? paint(code, language.toLowerCase()) : null;
  return (
    <figure className="code-block group/code" data-more={more || undefined}>
      <figcaption>
        <span>{language || texts.markdown.plain}</span>
        <CopyButton text={() => code} label={texts.markdown.copyCode} />
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a wide block is scrolled with the keyboard */}
      <pre ref={box} tabIndex={0}>
        <code>{coloured ?? code}</code>
      </pre>
    </figure>
  );
});
