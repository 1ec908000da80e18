/** Which addresses in Markdown become what. Pure. */

export type Target =
  /** A page elsewhere: opens in a new tab, without telling who we are. */
  | { kind: "page"; href: string }
  /** A file of the workspace: opens in the files panel. */
  | { kind: "file"; path: string }
  /** A place in this text. */
  | { kind: "anchor"; href: string }
  /** Anything else, `javascript:` first of all: only its text is shown. */
  | { kind: "none" };

const PAGES = new Set(["http:", "https:", "mailto:", "tel:"]);

/** A workspace path out of `workspace:<path>`, decoded and without a leading slash; or `null`. */
export function workspacePath(url: string): string | null {
  if (!/^workspace:/i.test(url)) return null;
  return decoded(url.slice("workspace:".length)).replace(/^\/+/, "") || null;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a stray percent sign: the name is meant as it stands
  }
}

/** What a link in an answer leads to. Relative addresses are files of the workspace. */
export function targetOf(href: string | undefined): Target {
  // Browsers skip control characters and spaces inside a scheme, so we do before we look at it.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
  const text = (href ?? "").replace(/[\u0000-\u0020\u007f]/g, "");
  if (!text) return { kind: "none" };
  if (text.startsWith("#")) return { kind: "anchor", href: text };
  const file = workspacePath(text);
  if (file) return { kind: "file", path: file };
  if (text.startsWith("//") || text.startsWith("\\")) return { kind: "none" };
  const scheme = text.match(/^([a-z][a-z0-9+.-]*):/i)?.[1];
  if (scheme) {
    return PAGES.has(`${scheme.toLowerCase()}:`) ? { kind: "page", href: text } : { kind: "none" };
  }
  const path = decoded(text.split(/[?#]/)[0] ?? "").replace(/^(?:\.?\/)+/, "");
  return path && !path.split("/").includes("..") ? { kind: "file", path } : { kind: "none" };
}

/** An image that may be shown at once: one that is in the text itself. Others come from the workspace or not at all. */
export const isInlineImage = (src: string): boolean => /^data:image\/(?:png|jpeg|gif|webp|avif);/i.test(src);
