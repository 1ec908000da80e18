/** What happens while an answer is made, as the terminal and scripts see it. */

export type ChatEvent =
  /** The server has the message for good. `queued`: another answer is being made first. */
  | { event: "accepted"; queued: boolean }
  | { event: "text"; delta: string }
  | { event: "reasoning"; delta: string }
  | { event: "tool"; id: string; name: string; input: unknown }
  | { event: "progress"; id: string; name: string; output: unknown }
  | { event: "result"; id: string; name: string; output: unknown }
  | { event: "tool-error"; id: string; name: string; error: string }
  /** What was said so far does not count: the answer is made again from its beginning. */
  | { event: "restarted" }
  /** The connection is lost; it is opened again and nothing is. */
  | { event: "reconnecting" }
  | { event: "done"; outcome: Outcome; code?: string; message?: string };

/** `refused`: the server did not take the message. */
export type Outcome = "completed" | "failed" | "cancelled" | "refused";
