/** A page that somebody made, drawn from the content host: without scripts, without an origin, without a way out. */
import { useEffect, useState } from "react";
import { sentenceOf } from "../app/api.ts";
import { useServices } from "../app/services.tsx";
import { texts } from "../texts.ts";
import { nameOf } from "./store.ts";

type State = { kind: "loading" } | { kind: "failed"; reason: string } | { kind: "signed"; url: string };

/** `etag`: with another content the page is asked for anew. */
export function PageFrame({ path, etag }: { path: string; etag: string | null }) {
  const { files } = useServices();
  const [state, setState] = useState<State>({ kind: "loading" });
  // biome-ignore lint/correctness/useExhaustiveDependencies: another content needs another address
  useEffect(() => {
    let here = true;
    files.link(path).then(
      (url) => here && setState({ kind: "signed", url }),
      (error: unknown) => here && setState({ kind: "failed", reason: sentenceOf(error) }),
    );
    return () => {
      here = false;
    };
  }, [files, path, etag]);
  switch (state.kind) {
    case "loading":
      return <div className="skeleton-block m-4 h-40 rounded-lg" role="img" aria-label={texts.loading} />;
    case "failed":
      return (
        <p className="file-note" role="alert">
          {state.reason}
        </p>
      );
    case "signed":
      return (
        <iframe
          className="file-frame"
          sandbox=""
          referrerPolicy="no-referrer"
          src={state.url}
          title={nameOf(path)}
        />
      );
  }
}
