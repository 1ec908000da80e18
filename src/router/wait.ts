/** Waiting for others, and reading what they send, without being held up or flooded. */

/** Waits for the promise, but no longer than `ms`. */
export async function within(promise: Promise<unknown>, ms: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** The JSON of an answer that is at most so long. Throws when it is longer, or no JSON. */
export async function jsonWithin(response: Response, bytes: number): Promise<unknown> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for (const reader = response.body?.getReader(); reader; ) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.byteLength;
    if (size > bytes) {
      await reader.cancel("too long");
      throw new Error(`The answer is longer than ${bytes} bytes.`);
    }
    parts.push(value);
  }
  return JSON.parse(await new Blob(parts).text());
}
