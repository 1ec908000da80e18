/** The parts of the actor for programs: keys, hooks, and the chats that calls of the API run in. */
import type { Deletions } from "./deletions.ts";
import type { FacetHost } from "./facet.ts";
import { Hooks } from "./hooks.ts";
import { Keys } from "./keys.ts";
import { ProgramThreads } from "./program-threads.ts";

export class Programs {
  readonly keys: Keys;
  readonly hooks: Hooks;
  readonly threads: ProgramThreads;

  constructor(host: FacetHost, deletions: Deletions, runs: (userId: string) => Promise<boolean>) {
    this.threads = new ProgramThreads(host, deletions);
    this.keys = new Keys(host, { runs, threads: this.threads });
    this.hooks = new Hooks(host, { runs });
  }
}
