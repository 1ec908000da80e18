/** How much room something takes in an answer to the model. */

const encoder = new TextEncoder();

/** Bytes of a text in UTF-8. */
export const textBytes = (text: string): number => encoder.encode(text).byteLength;

/** Bytes of a value as JSON in UTF-8, as the model gets it. Nothing (`undefined`) is `null`. */
export const jsonBytes = (value: unknown): number => textBytes(JSON.stringify(value) ?? "null");

/** As many items from the beginning as fit. */
export function fitting<T>(items: readonly T[], maxBytes: number): T[] {
  let room = maxBytes;
  const fits: T[] = [];
  for (const item of items) {
    room -= jsonBytes(item) + 1; // and its comma
    if (room < 0) break;
    fits.push(item);
  }
  return fits;
}
