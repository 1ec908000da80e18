/** What happens while an answer is made, as the terminal and scripts see it. */

export type ChatEvent =
  /** The server has the message for good. `queued`: another answer is being made first. `joins`: it is read in that. */
  | { event: "accepted"; queued: boolean; joins?: true }
  /** From here on the answer knows what was said to it while it was made. */
  | { event: "joined"; messages: string[] }
  | { event: "text"; delta: string }
  | { event: "reasoning"; delta: string }
  | { event: "tool"; id: string; name: string; input: unknown }
  /** The call waits for a person's decision. */
  | ({ event: "approval" } & Asked)
  | { event: "progress"; id: string; name: string; output: unknown }
  | { event: "result"; id: string; name: string; output: unknown }
  | { event: "tool-error"; id: string; name: string; error: string }
  /** What was said so far does not count: the answer is made again from its beginning. */
  | { event: "restarted" }
  /** The connection is lost; it is opened again and nothing is. */
  | { event: "reconnecting" }
  | { event: "done"; outcome: Outcome; code?: string; message?: string };

/** A tool call that a person has to decide on. */
export interface Asked {
  id: string;
  name: string;
  input: unknown;
}

/** `refused`: the server did not take the message. `waiting`: the answer goes on when somebody decides. */
export type Outcome = "completed" | "failed" | "cancelled" | "refused" | "waiting";
