/**
 * Quotations, code and paths are taken out of a request before its words are looked at, so that a comma, a full stop
 * or a "then" inside them means nothing. Each becomes an atom: one private character, a letter, a number, another.
 */

export interface Atom {
  kind: "quote" | "path";
  /** As it stood in the request, with its quotation marks. */
  raw: string;
  /** Without them. */
  value: string;
}

export interface Masked {
  text: string;
  atoms: Atom[];
}

/** Matches a path's atom; the first group is its number. `PATH` is its source, for larger expressions. */
export const PATH = "\uE000p(?:\\d+)\uE001";
export const ATOM = "\uE000[pq](?:\\d+)\uE001";
const ANY_ATOM = /\uE000([pq])(\d+)\uE001/g;

/** Words with a dot in them that are no files, and pairs with a slash that are no paths. */
const NO_FILE = /^(?:e\.g|i\.e|a\.m|p\.m|etc|u\.s|u\.k|vs|node\.js|next\.js|vue\.js)\.?$/i;
const NO_PATH =
  /^(?:and\/or|he\/she|she\/he|s\/he|his\/hers?|him\/her|yes\/no|on\/off|true\/false|either\/or|w\/o?|n\/a|input\/output|i\/o|read\/write|client\/server|tcp\/ip|a\/b|\d+(?:\/\d+)+)$/i;
const DOMAIN = /\.(?:com|org|net|io|dev|app|ai|edu|gov|co|uk|de|eu|info)$/i;
const KNOWN_NAME =
  /^(?:README|LICENSE|CHANGELOG|TODO|Makefile|Dockerfile|Procfile|\.env|\.gitignore|\.npmrc)$/;
const EXTENSION = /\.[A-Za-z][A-Za-z0-9]{0,9}$/;
/** With a space in it, only a quoted name with one of these endings is a file and not a sentence. */
const USUAL_EXTENSION =
  /\.(?:txt|md|markdown|json|csv|tsv|ya?ml|toml|ini|xml|html?|css|js|mjs|ts|tsx|jsx|py|rb|go|rs|java|c|h|cpp|sh|sql|log|pdf|png|jpe?g|gif|svg)$/i;

/** Whether a quoted word is a path; a bare one has to be less like a domain, an abbreviation or a pair of words. */
export function looksLikePath(word: string, quoted: boolean): boolean {
  if (word.includes("\n") || word.length > 300 || /^[a-z]+:\/\//i.test(word)) return false;
  if (/\s/.test(word)) return quoted && USUAL_EXTENSION.test(word) && word.split(/\s+/).length <= 4;
  if (KNOWN_NAME.test(word)) return true;
  if (!/^[\p{L}\p{N}_@.+~/-]+$/u.test(word) || !/[\p{L}\p{N}]/u.test(word)) return false;
  if (NO_PATH.test(word) || NO_FILE.test(word)) return false;
  if (word.includes("/")) return true;
  return (
    EXTENSION.test(word) &&
    (quoted || !DOMAIN.test(word)) &&
    !/^\d/.test(EXTENSION.exec(word)?.[0].slice(1) ?? "")
  );
}

/** Whether a path names a directory rather than a file, as far as its spelling tells. */
export function looksLikeDirectory(path: string): boolean {
  const last = path.replace(/\/+$/, "").split("/").pop() ?? "";
  return path.endsWith("/") || (!/.\.[A-Za-z0-9]+$/.test(last) && !KNOWN_NAME.test(last));
}

export function mask(request: string): Masked {
  const atoms: Atom[] = [];
  const put = (kind: Atom["kind"], raw: string, value: string): string => {
    atoms.push({ kind, raw, value });
    return `\uE000${kind === "path" ? "p" : "q"}${atoms.length - 1}\uE001`;
  };
  const quoted = (raw: string, value: string): string =>
    put(
      looksLikePath(value.trim(), true) ? "path" : "quote",
      raw,
      looksLikePath(value.trim(), true) ? value.trim() : value,
    );

  let text = request.replace(/[\uE000\uE001]/g, "").replace(/\r\n?/g, "\n");
  // Long runs of white space say nothing, and would make every expression below walk them again and again.
  text = text.replace(/\s{50,}/g, (raw) => put("quote", raw, raw));
  text = text.replace(/```[^\n`]*\n([\s\S]*?)\n?```/g, (raw, inner: string) => put("quote", raw, inner));
  text = text.replace(/`([^`\n]+)`/g, quoted);
  text = text.replace(/\[([^[\]\n]{1,300})\]\(([^()\s]{1,300})\)/g, (raw, label: string, target: string) => {
    const path = [target, label].find((candidate) => looksLikePath(candidate, true));
    return path === undefined ? put("quote", raw, label) : put("path", raw, path);
  });
  text = text.replace(/\bhttps?:\/\/\S+/g, (raw) => put("quote", raw, raw));
  text = text.replace(/\*\*([^*\n]+)\*\*/g, "$1");
  // An opening mark inside another of its kind means that the first was never closed.
  text = text.replace(
    /“([^“”]*)”|„([^„“”]*)[“”]|«([^«»]*)»|‹([^‹›]*)›|"([^"]*)"/g,
    (raw, ...groups: unknown[]) => {
      const value = groups.slice(0, 5).find((group) => typeof group === "string");
      return typeof value !== "string" ? raw : quoted(raw, /^[«‹]/.test(raw) ? value.trim() : value);
    },
  );
  // A single quotation mark is also an apostrophe: it opens only after a space and closes only before one.
  text = text.replace(/(?<![\p{L}\p{N}])['‘]((?:[^'’\n]|['’](?=\p{L}))+)['’](?![\p{L}\p{N}])/gu, quoted);

  text = text.replace(
    /\b((?:file|note|document|doc|folder|directory|script|page)\s+(?:called|named|titled)|(?:call|name)\s+(?:it|that|the\s+file))\s+(\uE000q(\d+)\uE001|[^\s,;:\uE000]+)/gi,
    (raw, intro: string, name: string, number: string | undefined) => {
      if (number === undefined) {
        const word = name.replace(/[.!?]+$/, "");
        return word === "" ? raw : `${intro} ${put("path", word, word)}${name.slice(word.length)}`;
      }
      const atom = atoms[Number(number)];
      return atom ? `${intro} ${put("path", atom.raw, atom.value)}` : raw;
    },
  );
  text = text.replace(
    /(?<![\p{L}\p{N}_@/.~\uE000-])(?:\.{1,2}\/|\/|~\/)*\.?[\p{L}\p{N}_@+~][\p{L}\p{N}_@.+~/-]*/gu,
    (raw) => {
      const word = raw.replace(/\.+$/, "");
      return looksLikePath(word, false) ? put("path", word, word) + raw.slice(word.length) : raw;
    },
  );
  return { text, atoms };
}

/** The atoms of one kind in a piece of masked text, in order. */
export function atomsIn(text: string, atoms: Atom[], kind?: Atom["kind"]): Atom[] {
  return [...text.matchAll(ANY_ATOM)]
    .filter((match) => kind === undefined || match[1] === (kind === "path" ? "p" : "q"))
    .flatMap((match) => atoms[Number(match[2])] ?? []);
}

/** Masked text as it stood. */
export function unmask(text: string, atoms: Atom[]): string {
  return text.replace(ANY_ATOM, (_raw, _kind, number: string) => atoms[Number(number)]?.raw ?? "");
}
