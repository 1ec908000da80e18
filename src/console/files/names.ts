/** Names of uploaded files: what the workspace accepts, and free ones when a name is taken. */

/** Longest name kept; what is left of a path's limit is for its directories. */
const NAME_CHARS = 120;

/** A file name without separators, control characters and dots in front; never empty. */
export function safeName(name: string): string {
  const base = name.split(/[\\/]/).at(-1) ?? "";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
  const clean = base.replace(/[\u0000-\u001f\u007f]/g, "").replace(/^[.\s]+|[.\s]+$/g, "");
  const [stem, extension] = split(clean);
  return `${stem.slice(0, NAME_CHARS - extension.length)}${extension}` || "file";
}

/** The path for an attempt: as wanted first, then `name-2.ext`, `name-3.ext`. */
export function freeName(path: string, attempt: number): string {
  const slash = path.lastIndexOf("/");
  const directory = path.slice(0, slash + 1);
  const name = safeName(path.slice(slash + 1));
  if (attempt === 0) return directory + name;
  const [stem, extension] = split(name);
  return `${directory}${stem}-${attempt + 1}${extension}`;
}

function split(name: string): [stem: string, extension: string] {
  const dot = name.lastIndexOf(".");
  // ".bashrc" has no extension, and an extension that long is part of the name.
  return dot > 0 && name.length - dot <= 12 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
}
