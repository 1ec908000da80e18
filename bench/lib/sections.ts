/** Sections of a Markdown page that one program writes while another writes the rest. */

/** What is left when processes are killed; a campaign writes it. */
export const SURVIVAL = "Survival";

/** Requests per second of the edge path; `--edge --write-docs` writes it. */
export const EDGE = "The edge path";

/** A section without its heading, or `null`. It ends at the next heading of the same level. */
export function sectionIn(page: string, title: string): string | null {
  const place = placeOf(page, title);
  return place && page.slice(place.body, place.end).trim();
}

/** The page with that section, in its place if it has one, else at the end. */
export function withSection(page: string, title: string, text: string): string {
  const place = placeOf(page, title);
  const section = `## ${title}\n\n${text.trim()}\n`;
  if (!place) return `${page.trimEnd()}\n\n${section}`;
  const behind = page.slice(place.end);
  return `${page.slice(0, place.start)}${section}${behind === "" ? "" : `\n${behind}`}`;
}

function placeOf(page: string, title: string): { start: number; body: number; end: number } | null {
  const heading = `## ${title}\n`;
  const start = page.startsWith(heading) ? 0 : page.indexOf(`\n${heading}`) + 1;
  if (start === 0 && !page.startsWith(heading)) return null;
  const body = start + heading.length;
  const next = page.indexOf("\n## ", body);
  return { start, body, end: next < 0 ? page.length : next + 1 };
}
