/** Comma-separated values (RFC 4180), read leniently. Pure. */

/** Rows beyond this are counted, not shown. */
export const SHOWN_ROWS = 500;

/** The separator that the first line uses most. */
function separatorOf(text: string): string {
  const line = text.slice(0, text.search(/[\r\n]|$/));
  const separators = [",", ";", "\t", "|"];
  return separators.reduce((best, next) => (line.split(next).length > line.split(best).length ? next : best));
}

/** The rows of a text. Quotes may hold separators, line breaks and doubled quotes; an open quote ends with the text. */
export function parseCsv(text: string): string[][] {
  const separator = separatorOf(text);
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = "";
  let quoted = false;
  const endRow = () => {
    row.push(cell);
    if (row.length > 1 || row[0] !== "") rows.push(row);
    row = [];
    cell = "";
  };
  for (let i = 0; i < text.length; i++) {
    const char = text[i] ?? "";
    if (quoted) {
      if (char !== '"') cell += char;
      else if (text[i + 1] === '"') {
        cell += '"';
        i += 1;
      } else quoted = false;
    } else if (char === '"' && cell === "") quoted = true;
    else if (char === separator) {
      row.push(cell);
      cell = "";
    } else if (char === "\n") endRow();
    else if (char !== "\r") cell += char;
  }
  endRow();
  return rows;
}
