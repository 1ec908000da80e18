/** What is asked of the server for a part of the page: on its way, there, or refused with a sentence. */
import { Button } from "@cloudflare/kumo/components/button";
import type { ReactNode } from "react";
import { useCallback, useEffect, useRef, useState } from "react";
import { sentenceOf } from "../app/api.ts";
import { texts } from "../texts.ts";

export type Loaded<T> =
  | { kind: "loading" }
  | { kind: "failed"; reason: string }
  | { kind: "loaded"; value: T };

export interface Loading<T> {
  state: Loaded<T>;
  /** Asks again; what is there stays until the answer is. */
  again(): Promise<void>;
  /** Changes what is shown, for what is known without asking. */
  change(next: (value: T) => T): void;
}

/** `read` is asked when it is another function than before: keep it by `useCallback`. */
export function useLoaded<T>(read: (signal: AbortSignal) => Promise<T>): Loading<T> {
  const [state, setState] = useState<Loaded<T>>({ kind: "loading" });
  const control = useRef<AbortController | null>(null);
  const again = useCallback(async () => {
    control.current?.abort();
    const mine = new AbortController();
    control.current = mine;
    try {
      const value = await read(mine.signal);
      if (!mine.signal.aborted) setState({ kind: "loaded", value });
    } catch (error) {
      if (!mine.signal.aborted) setState({ kind: "failed", reason: sentenceOf(error) });
    }
  }, [read]);
  useEffect(() => {
    setState({ kind: "loading" });
    void again();
    return () => control.current?.abort();
  }, [again]);
  const change = useCallback(
    (next: (value: T) => T) =>
      setState((known) => (known.kind === "loaded" ? { kind: "loaded", value: next(known.value) } : known)),
    [],
  );
  return { state, again, change };
}

export interface LoadedViewProps<T> {
  loading: Loading<T>;
  children(value: T): ReactNode;
}

export function LoadedView<T>({ loading, children }: LoadedViewProps<T>) {
  const { state, again } = loading;
  if (state.kind === "loaded") return <>{children(state.value)}</>;
  if (state.kind === "loading") {
    return <div className="skeleton-block h-24 rounded-lg" role="img" aria-label={texts.loading} />;
  }
  return (
    <div role="alert" className="problem">
      <p className="min-w-0 flex-1">{state.reason}</p>
      <Button size="sm" onClick={() => void again()}>
        {texts.retry}
      </Button>
    </div>
  );
}

/** Says that there is nothing, and what would make something be there. */
export function Nothing({ icon, title, hint }: { icon: ReactNode; title: string; hint?: string }) {
  return (
    <div className="nothing">
      {icon}
      <p className="font-medium text-kumo-default">{title}</p>
      {hint && <p>{hint}</p>}
    </div>
  );
}
