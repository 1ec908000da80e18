/**
 * Markdown of an answer or a file. Raw HTML is shown as the text it is, links cannot run scripts, and images come
 * from the workspace or from the text itself, never from another host.
 */
import { FileIcon, ImageIcon } from "@phosphor-icons/react";
import type { ComponentProps, ReactNode } from "react";
import { isValidElement, memo, useMemo, useRef } from "react";
import ReactMarkdown, { type Components } from "react-markdown";
import remarkGfm from "remark-gfm";
import { useFileOpener } from "../app/panels.tsx";
import { WorkspaceImage } from "../files/WorkspaceImage.tsx";
import { texts } from "../texts.ts";
import { type Blocks, completed, cutBlocks, noBlocks } from "./blocks.ts";
import { CodeBlock } from "./CodeBlock.tsx";
import { isInlineImage, targetOf, workspacePath } from "./urls.ts";

const PLUGINS = [remarkGfm];

function Anchor({ href, children }: ComponentProps<"a">) {
  const openFile = useFileOpener();
  const target = targetOf(href);
  switch (target.kind) {
    case "page":
      return (
        <a href={target.href} target="_blank" rel="noopener noreferrer nofollow">
          {children}
        </a>
      );
    case "anchor":
      return <a href={target.href}>{children}</a>;
    case "file":
      if (!openFile) return <span>{children}</span>;
      return (
        <button type="button" className="file-link" onClick={() => openFile(target.path)}>
          <FileIcon aria-hidden="true" />
          {children}
        </button>
      );
    case "none":
      return <span>{children}</span>;
  }
}

function Picture({ src, alt = "" }: ComponentProps<"img">) {
  const openFile = useFileOpener();
  const url = typeof src === "string" ? src : "";
  if (isInlineImage(url)) return <img src={url} alt={alt} />;
  const target = targetOf(url);
  if (target.kind === "file" && openFile)
    return <WorkspaceImage path={workspacePath(url) ?? target.path} alt={alt} />;
  if (target.kind !== "page") return <span>{alt}</span>;
  return (
    <a
      href={target.href}
      target="_blank"
      rel="noopener noreferrer nofollow"
      title={texts.markdown.foreignImage}
    >
      <ImageIcon aria-hidden="true" className="mr-1 inline align-[-0.15em]" />
      {texts.markdown.image(alt)}
    </a>
  );
}

const codeProps = (node: ReactNode): { code: string; language: string } | null => {
  if (!isValidElement<{ className?: string; children?: ReactNode }>(node)) return null;
  const { className = "", children } = node.props;
  const code = Array.isArray(children) ? children.join("") : String(children ?? "");
  return { code: code.replace(/\n$/, ""), language: className.match(/language-([^\s]+)/)?.[1] ?? "" };
};

const COMPONENTS: Components = {
  a: ({ node: _, ...props }) => <Anchor {...props} />,
  img: ({ node: _, ...props }) => <Picture {...props} />,
  pre: ({ node: _, children }) => {
    const code = codeProps(children);
    return code ? <CodeBlock {...code} /> : <pre>{children}</pre>;
  },
  table: ({ node: _, children }) => (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table is scrolled with the keyboard
    <div className="table-scroll" tabIndex={0}>
      <table>{children}</table>
    </div>
  ),
  input: ({ node: _, checked }) => (
    <span
      role="img"
      aria-label={checked ? texts.markdown.taskDone : texts.markdown.taskOpen}
      className={checked ? "task task-done" : "task"}
    />
  ),
};

const Block = memo(function Block({ source }: { source: string }) {
  return (
    <ReactMarkdown
      remarkPlugins={PLUGINS}
      components={COMPONENTS}
      // Links and images are judged where they are rendered, by the rules of `urls.ts`.
      urlTransform={(url) => url}
    >
      {source}
    </ReactMarkdown>
  );
});

/** `streaming`: the text is still being written, and its end is completed for the eye. */
export function Markdown({ text, streaming = false }: { text: string; streaming?: boolean }) {
  const last = useRef<Blocks>(noBlocks);
  const blocks = useMemo(() => {
    last.current = cutBlocks(text, last.current);
    return last.current.blocks;
  }, [text]);
  const end = blocks.length - 1;
  return (
    <div className="prose">
      {blocks.map((block, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: blocks are only ever added at the end
        <Block key={index} source={streaming && index === end ? completed(block) : block} />
      ))}
    </div>
  );
}
