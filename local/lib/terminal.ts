/** How the commands write to a terminal: colours only where somebody can see them. */
import { styleText } from "node:util";

type Style = Parameters<typeof styleText>[0];
type Stream = NodeJS.WriteStream;

/** Paints text if the stream is a terminal and `NO_COLOR` is not set. */
export function painter(stream: Stream): (style: Style, text: string) => string {
  const colours = stream.isTTY === true && !process.env.NO_COLOR;
  // Our own check of the stream has been made; Node's would look at stdout only.
  return (style, text) => (colours ? styleText(style, text, { validateStream: false }) : text);
}

/** Rows of name and value, aligned, two spaces in from the left. Rows without a value are left out. */
export function table(
  rows: ReadonlyArray<readonly [name: string, value: string | undefined]>,
  paint: (style: Style, text: string) => string = (_style, text) => text,
): string {
  const shown = rows.flatMap(([name, value]) => (value ? [[name, value] as const] : []));
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `  ${paint("dim", name.padEnd(width))}  ${value}\n`).join("");
}

/** Text from elsewhere without the control characters that could move the cursor or repaint the screen. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is being removed
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "");
}
