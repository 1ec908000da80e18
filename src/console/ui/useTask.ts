/** Something that is done once at a time, with its problem kept for showing. */
import { useState } from "react";
import { sentenceOf } from "../app/api.ts";

export interface Task {
  busy: boolean;
  /** The sentence of the last failure; empty when it went well. */
  problem: string;
  /** Does it, unless it is being done. Resolves with whether it went well. */
  run(work: () => Promise<unknown>): Promise<boolean>;
  clear(): void;
}

export function useTask(): Task {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  return {
    busy,
    problem,
    clear: () => setProblem(""),
    run: async (work) => {
      if (busy) return false;
      setBusy(true);
      setProblem("");
      try {
        await work();
        return true;
      } catch (error) {
        setProblem(sentenceOf(error));
        return false;
      } finally {
        setBusy(false);
      }
    },
  };
}
