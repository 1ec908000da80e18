/** What stands around a list that comes page by page: that it is on its way, that it failed, that there is more. */
import { Button } from "@cloudflare/kumo/components/button";
import type { ReactNode } from "react";
import { texts } from "../texts.ts";
import type { Pages } from "./pages.ts";

export interface PagedProps<T> {
  pages: Pages<T>;
  /** The button for the next page. */
  more: string;
  empty: ReactNode;
  children(items: readonly T[]): ReactNode;
}

export function Paged<T>({ pages, more, empty, children }: PagedProps<T>) {
  const { items, hasMore, busy, problem } = pages;
  return (
    <div className="flex flex-col gap-3" aria-busy={busy}>
      {problem && (
        <div role="alert" className="problem">
          <p className="min-w-0 flex-1">{problem}</p>
          <Button size="sm" onClick={pages.again}>
            {texts.retry}
          </Button>
        </div>
      )}
      {items === null && !problem && (
        <div className="skeleton-block h-24 rounded-lg" role="img" aria-label={texts.loading} />
      )}
      {items?.length === 0 && !problem && empty}
      {items && items.length > 0 && children(items)}
      {items && hasMore && (
        <Button className="self-center" variant="ghost" loading={busy} onClick={pages.more}>
          {more}
        </Button>
      )}
    </div>
  );
}
