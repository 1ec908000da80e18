/** What every campaign gives back: its figures in order, those that all campaigns share, and what went wrong. */
export interface Report extends Shared {
  rows: [label: string, value: string | number][];
  /** How the figures are to be read. */
  notes?: readonly string[];
  /** Writes it into the documents and returns the path, for a campaign that has a place there. */
  document?: (run: { seed: number; count: number }) => string;
  /** The first few violations, each with what makes it happen again. */
  violations: readonly string[];
}

/**
 * The columns of the table behind `all`. A campaign leaves out what it has no figure for. Some are about something else
 * than inputs: `outbox` about replies that are owed, `schedules` about occurrences, `purse` about calls that are paid.
 */
export interface Shared {
  /** Inputs that somebody was told are kept; replies owed, occurrences that ran, calls made. */
  accepted?: number;
  /** Turns that completed; replies delivered. */
  answered?: number;
  /** Inputs that were accepted and are nowhere; replies that nobody has, occurrences untold of, calls in no books. */
  lost?: number;
  /** Effects that happened twice and must not, and entries that a journal holds twice. */
  doubled?: number;
  /** Accepted inputs without a terminal outcome. */
  unended?: number;
  /** From a restart, or an input, to something that a person can see. */
  signMs?: Spread;
}

/** The median and the 99th of 100, in milliseconds. */
export interface Spread {
  p50: number;
  p99: number;
}

/** The part of `values` that lies below: 0.5 for the median. Of nothing it is 0. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

export const spreadOf = (values: readonly number[]): Spread => ({
  p50: Math.round(percentile(values, 0.5)),
  p99: Math.round(percentile(values, 0.99)),
});

/** A spread in words, with the number of values that it is of. */
export function spreadText(values: readonly number[]): string {
  const { p50, p99 } = spreadOf(values);
  return `${p50} / ${p99} ms of ${values.length}`;
}
