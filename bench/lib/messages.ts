/** What the bench's processes say to each other. */
import { z } from "zod";

export const clientCommand = z.discriminatedUnion("type", [
  /** Turns one after another in each of `urls`, side by side; sockets stay open for the next command. */
  z.object({
    type: z.literal("turns"),
    urls: z.array(z.string()),
    raw: z.boolean(),
    turns: z.number(),
    text: z.string(),
    /** Post only the newest message instead of the whole list. */
    window: z.boolean(),
  }),
  /** A new socket and one turn, timed from before the connection. */
  z.object({
    type: z.literal("cold"),
    url: z.string(),
    raw: z.boolean(),
    text: z.string(),
    /** Wait for the transcript that the actor sends on connect, and time it. */
    transcript: z.boolean(),
  }),
  z.object({ type: z.literal("close") }),
]);
export type ClientCommand = z.infer<typeof clientCommand>;

const turnTimes = z.object({
  /** Milliseconds from sending the question to the first frame with text. */
  first: z.number(),
  /** To the frame that ends the turn. */
  whole: z.number(),
});
export type TurnTimes = z.infer<typeof turnTimes>;

export const clientAnswer = z.union([
  z.object({
    result: z.object({ times: z.array(turnTimes), elapsedMs: z.number(), transcriptMs: z.number() }),
  }),
  z.object({ error: z.string() }),
]);
export type ClientResult = { times: TurnTimes[]; elapsedMs: number; transcriptMs: number };
