/** Media types by extension: enough to show a file well, small enough to read at a glance. */

const TEXT =
  "txt log ini cfg conf env toml yaml yml sh bash zsh fish ps1 bat py rb rs go java kt kts scala c h cc cpp hpp cs " +
  "swift m php pl lua r jl ts tsx mts cts jsx mjs cjs js sql graphql proto tf diff patch tex bib vue svelte " +
  "gitignore dockerfile makefile lock";

const KNOWN: Record<string, string> = {
  ...Object.fromEntries(TEXT.split(" ").map((extension) => [extension, "text/plain"])),
  md: "text/markdown",
  markdown: "text/markdown",
  html: "text/html",
  htm: "text/html",
  css: "text/css",
  csv: "text/csv",
  tsv: "text/tab-separated-values",
  json: "application/json",
  jsonl: "application/x-ndjson",
  ipynb: "application/json",
  xml: "application/xml",
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  avif: "image/avif",
  svg: "image/svg+xml",
  ico: "image/x-icon",
  pdf: "application/pdf",
  zip: "application/zip",
  gz: "application/gzip",
  tar: "application/x-tar",
  mp3: "audio/mpeg",
  wav: "audio/wav",
  ogg: "audio/ogg",
  mp4: "video/mp4",
  webm: "video/webm",
  mov: "video/quicktime",
  docx: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  pptx: "application/vnd.openxmlformats-officedocument.presentationml.presentation",
};

// `type/subtype` and parameters as RFC 9110 spells them, without anything that could end a header line.
const MEDIA_TYPE =
  /^[a-z0-9!#$&^_.+-]{1,80}\/[a-z0-9!#$&^_.+-]{1,80}(?:\s*;\s*[a-z0-9-]+=[\w".:+-]{1,60}){0,3}$/i;

/** The media type that a file's name promises; `application/octet-stream` when it promises nothing. */
export function mediaTypeOf(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1).toLowerCase();
  const extension = name.slice(name.lastIndexOf(".") + 1);
  return (Object.hasOwn(KNOWN, extension) ? KNOWN[extension] : undefined) ?? "application/octet-stream";
}

/** The media type that somebody stated, if it is one; else what the name promises. */
export function mediaTypeFrom(stated: string | undefined, path: string): string {
  return stated !== undefined && MEDIA_TYPE.test(stated) ? stated : mediaTypeOf(path);
}
