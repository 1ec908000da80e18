/** What an agent spent, as its purse tells it. */
import { z } from "zod";

/** One user's spending. Money in micro-dollars. */
export interface UsageReport {
  /** Today, `YYYY-MM-DD` in UTC. */
  day: string;
  /** Null when there is no limit. */
  limitMicros: number | null;
  limitTokens: number | null;
  spentMicros: number;
  reservedMicros: number;
  tokens: number;
  /** Whether the limits apply: there is one, and a model that costs something is connected. */
  on: boolean;
  /** Milliseconds since the epoch. */
  resetsAt: number;
  /** Newest first, days without spending left out. */
  days: { day: string; micros: number; tokens: number }[];
}

export const usageReport = z.object({
  day: z.string(),
  limitMicros: z.number().nullable(),
  limitTokens: z.number().nullable(),
  spentMicros: z.number(),
  reservedMicros: z.number(),
  tokens: z.number(),
  on: z.boolean(),
  resetsAt: z.number(),
  days: z.array(z.object({ day: z.string(), micros: z.number(), tokens: z.number() })),
}) satisfies z.ZodType<UsageReport>;
