/** A file's content, as what it is. What it holds never becomes a page of ours. */
import { useEffect, useMemo, useState } from "react";
import { CodeBlock } from "../markdown/CodeBlock.tsx";
import { Markdown } from "../markdown/Markdown.tsx";
import { texts } from "../texts.ts";
import { sizeText } from "../ui/format.ts";
import { parseCsv, SHOWN_ROWS } from "./csv.ts";
import type { Kind } from "./kinds.ts";
import { languageOf } from "./kinds.ts";
import { PageFrame } from "./PageFrame.tsx";
import { nameOf, PREVIEW_BYTES } from "./store.ts";

export interface Shown {
  path: string;
  kind: Kind;
  /** `null` for images and binary files. */
  text: string | null;
  bytes: Blob;
  etag: string | null;
  /** Only the beginning of `text` was kept. */
  cut: boolean;
}

function Csv({ text }: { text: string }) {
  const rows = useMemo(() => parseCsv(text), [text]);
  const [head = [], ...body] = rows;
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table is scrolled with the keyboard */}
      <div className="table-scroll csv" tabIndex={0}>
        <table>
          <thead>
            <tr>
              {head.map((cell, at) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: cells have no names but their places
                <th key={at} scope="col">
                  {cell}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {body.slice(0, SHOWN_ROWS).map((row, line) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: rows have no names but their places
              <tr key={line}>
                {head.map((_, at) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: cells have no names but their places
                  <td key={at}>{row[at]}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p className="file-note">
        {texts.files.rows(body.length)}
        {body.length > SHOWN_ROWS && `. ${texts.files.truncated}`}
      </p>
    </>
  );
}

function Json({ text }: { text: string }) {
  const pretty = useMemo(() => {
    try {
      return JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      return null; // said below
    }
  }, [text]);
  return (
    <>
      {pretty === null && <p className="file-note">{texts.files.badJson}</p>}
      <CodeBlock code={pretty ?? text} language="json" />
    </>
  );
}

function Picture({ bytes, path }: { bytes: Blob; path: string }) {
  const [url, setUrl] = useState("");
  useEffect(() => {
    const made = URL.createObjectURL(bytes);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [bytes]);
  return url ? <img className="file-picture" src={url} alt={nameOf(path)} /> : null;
}

export function Preview({ shown, source }: { shown: Shown; source: boolean }) {
  const { kind, text, path, bytes } = shown;
  if (kind === "image" && !source) return <Picture bytes={bytes} path={path} />;
  if (text === null) return <p className="file-note">{texts.files.binary}</p>;
  return (
    <>
      {shown.cut && <p className="file-note">{texts.files.cut(sizeText(PREVIEW_BYTES))}</p>}
      {source || kind === "code" || kind === "text" ? (
        <CodeBlock code={text} language={languageOf(path)} />
      ) : kind === "markdown" ? (
        <div className="p-4">
          <Markdown text={text} />
        </div>
      ) : kind === "csv" ? (
        <Csv text={text} />
      ) : kind === "json" ? (
        <Json text={text} />
      ) : (
        <PageFrame path={path} etag={shown.etag} />
      )}
    </>
  );
}
