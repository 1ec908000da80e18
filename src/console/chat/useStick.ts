/** Scrolling that follows the newest text, but only while the reader is there. */
import type { RefObject } from "react";
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";

/** This close to the end counts as being there, in CSS pixels. */
const NEAR_PX = 60;

export interface Stick {
  scroller: RefObject<HTMLDivElement | null>;
  content: RefObject<HTMLDivElement | null>;
  /** The reader sees the end. */
  atEnd: boolean;
  /** Something is scrolled away above. */
  beneath: boolean;
  toEnd(smooth?: boolean): void;
  /** Call before older messages are put in front: the reader keeps their place. */
  holdPlace(): void;
  /** The reader is taken elsewhere: what is new does not bring them back. */
  leaveEnd(): void;
}

/** `first`: id of the first message shown; when it changes after `holdPlace`, the place is kept. */
export function useStick(first: string | undefined): Stick {
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const held = useRef<number | null>(null);
  const [atEnd, setAtEnd] = useState(true);
  const [beneath, setBeneath] = useState(false);

  const toEnd = useCallback((smooth = false) => {
    const box = scroller.current;
    if (!box) return;
    follows.current = true;
    setAtEnd(true);
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    box.scrollTo({ top: box.scrollHeight, behavior: smooth && !calm ? "smooth" : "instant" });
  }, []);

  useEffect(() => {
    const box = scroller.current;
    const inner = content.current;
    if (!box || !inner) return;
    let top = box.scrollTop;
    const onScroll = () => {
      const near = box.scrollHeight - box.scrollTop - box.clientHeight <= NEAR_PX;
      // Growing content fires scroll events too; only a move upwards is the reader's wish to leave the end.
      if (near) follows.current = true;
      else if (box.scrollTop < top) follows.current = false;
      top = box.scrollTop;
      setAtEnd(near || follows.current);
      setBeneath(top > 0);
    };
    const onResize = () => {
      if (follows.current) box.scrollTop = box.scrollHeight;
      else onScroll();
    };
    const observer = new ResizeObserver(onResize);
    observer.observe(inner);
    observer.observe(box);
    box.addEventListener("scroll", onScroll, { passive: true });
    return () => {
      observer.disconnect();
      box.removeEventListener("scroll", onScroll);
    };
  }, []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: runs when the first message changes, and only then
  useLayoutEffect(() => {
    const box = scroller.current;
    if (!box || held.current === null) return;
    box.scrollTop = box.scrollHeight - held.current;
    held.current = null;
  }, [first]);

  const holdPlace = useCallback(() => {
    const box = scroller.current;
    if (box) held.current = box.scrollHeight - box.scrollTop;
    follows.current = false;
  }, []);

  const leaveEnd = useCallback(() => {
    follows.current = false;
  }, []);

  return { scroller, content, atEnd, beneath, toEnd, holdPlace, leaveEnd };
}
