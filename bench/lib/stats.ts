/** Figures from samples. */

/** What several repetitions gave: the median of their medians, and how far these lie apart. */
export interface Figure {
  value: number;
  low: number;
  high: number;
}

/** Throws on no samples: a figure without a measurement is a mistake. */
export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const upper = sorted[sorted.length >> 1];
  const lower = sorted[(sorted.length - 1) >> 1];
  if (upper === undefined || lower === undefined) throw new Error("there is nothing to take the median of");
  return (upper + lower) / 2;
}

/** From one median a repetition. */
export function figure(medians: readonly number[]): Figure {
  return { value: median(medians), low: Math.min(...medians), high: Math.max(...medians) };
}

export const exactly = (value: number): Figure => ({ value, low: value, high: value });
