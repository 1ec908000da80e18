/** What kind of preview a file gets, by its name and media type. Pure. */

export type Kind = "markdown" | "image" | "csv" | "json" | "html" | "code" | "text" | "binary";

/** Extension to the highlighter's language. */
const LANGUAGES: Readonly<Record<string, string>> = {
  js: "javascript",
  mjs: "javascript",
  cjs: "javascript",
  jsx: "javascript",
  ts: "typescript",
  tsx: "typescript",
  py: "python",
  rb: "ruby",
  rs: "rust",
  go: "go",
  java: "java",
  kt: "kotlin",
  swift: "swift",
  c: "c",
  h: "c",
  cpp: "cpp",
  cs: "csharp",
  php: "php",
  sh: "bash",
  bash: "bash",
  zsh: "bash",
  sql: "sql",
  css: "css",
  scss: "scss",
  xml: "xml",
  svg: "xml",
  html: "xml",
  htm: "xml",
  yaml: "yaml",
  yml: "yaml",
  toml: "ini",
  ini: "ini",
  diff: "diff",
  patch: "diff",
  lua: "lua",
  r: "r",
  pl: "perl",
  graphql: "graphql",
  makefile: "makefile",
};

const TEXT_APPLICATIONS =
  /^application\/(?:(?:[\w.-]+\+)?(?:json|xml)|javascript|x-(?:sh|yaml|toml|ndjson)|yaml|toml|sql)$/;

/** Images that browsers draw. SVG is one of them: inside `<img>` it runs nothing and loads nothing. */
const IMAGE = /^image\/(?:png|jpeg|gif|webp|avif|bmp|x-icon|vnd\.microsoft\.icon|svg\+xml)$/;

export const extensionOf = (path: string): string => {
  const name = path.slice(path.lastIndexOf("/") + 1).toLowerCase();
  return name.includes(".") ? name.slice(name.lastIndexOf(".") + 1) : name;
};

/** The highlighter's language for a path; empty for plain text. */
export const languageOf = (path: string): string => LANGUAGES[extensionOf(path)] ?? "";

export function kindOf(path: string, mediaType: string): Kind {
  const extension = extensionOf(path);
  if (IMAGE.test(mediaType)) return "image";
  if (extension === "md" || extension === "markdown" || mediaType === "text/markdown") return "markdown";
  if (extension === "csv" || extension === "tsv" || mediaType === "text/csv") return "csv";
  if (extension === "json" || mediaType === "application/json") return "json";
  if (extension === "html" || extension === "htm" || mediaType === "text/html") return "html";
  if (LANGUAGES[extension]) return "code";
  if (mediaType.startsWith("text/") || TEXT_APPLICATIONS.test(mediaType)) return "text";
  return "binary";
}

/** Whether bytes are text: valid UTF-8 without NUL. For files whose media type says nothing. */
export function textFrom(bytes: Uint8Array): string | null {
  if (bytes.subarray(0, 8_192).includes(0)) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes, { stream: true });
  } catch {
    return null; // not UTF-8: shown as binary
  }
}

/** Whether the console offers to change it. */
export const isEditable = (kind: Kind): boolean => kind !== "image" && kind !== "binary";
