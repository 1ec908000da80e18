/** A list that comes page by page, and begins again when what is asked for changes. */
import { useCallback, useEffect, useRef, useState } from "react";
import { sentenceOf } from "../app/api.ts";

export interface Page<T> {
  items: readonly T[];
  /** Where the next page begins; absent at the end. */
  next?: string | undefined;
}

export interface Pages<T> {
  /** `null` until the first page is there. */
  items: readonly T[] | null;
  hasMore: boolean;
  busy: boolean;
  /** The sentence of a failure; empty when there was none. */
  problem: string;
  more(): void;
  /** From the beginning. */
  again(): void;
  change(next: (item: T) => T): void;
}

/** `read` is asked when it is another function than before: keep it by `useCallback`. */
export function usePages<T>(
  read: (before: string | undefined, signal: AbortSignal) => Promise<Page<T>>,
): Pages<T> {
  const [items, setItems] = useState<readonly T[] | null>(null);
  const [next, setNext] = useState<string | undefined>(undefined);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const control = useRef<AbortController | null>(null);
  const ask = useCallback(
    async (before: string | undefined) => {
      control.current?.abort();
      const mine = new AbortController();
      control.current = mine;
      setBusy(true);
      setProblem("");
      try {
        const page = await read(before, mine.signal);
        if (mine.signal.aborted) return;
        setItems((known) => (before === undefined ? page.items : [...(known ?? []), ...page.items]));
        setNext(page.next);
      } catch (error) {
        if (mine.signal.aborted) return;
        setProblem(sentenceOf(error));
      }
      setBusy(false);
    },
    [read],
  );
  useEffect(() => {
    void ask(undefined);
    return () => control.current?.abort();
  }, [ask]);
  return {
    items,
    hasMore: next !== undefined,
    busy,
    problem,
    more: () => void ask(next),
    again: () => void ask(undefined),
    change: (step) => setItems((known) => known?.map(step) ?? null),
  };
}
