/** Waits for others, but not for ever: an actor that hangs must not make this one hang. Pure. */

/** Somebody else did not answer in time. */
export class TooLate extends Error {}

/**
 * Resolves or rejects as `work` does, or rejects with `TooLate` after `ms`, in a sentence that names `what`. The work
 * goes on; what it brings then is lost. `after` calls back after a time and returns how to take that back.
 */
export function within<T>(
  after: (ms: number, run: () => void) => () => void,
  ms: number,
  what: string,
  work: Promise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = after(ms, () => reject(new TooLate(`${what} did not answer within ${ms} ms.`)));
    work.then(resolve, reject).finally(cancel);
  });
}
