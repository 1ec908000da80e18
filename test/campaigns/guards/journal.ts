/** Guards of the journal's own truth, and of what a tool may do. */
import type { Guard } from "../guard.ts";

const core = (file: string) => `src/actors/conversation/${file}.ts`;

export const GUARDS: readonly Guard[] = [
  {
    name: "an entry's hash covers the one before it",
    file: core("export"),
    from: "if (hash !== entry.hash) broken",
    to: "if (hash === null) broken",
    by: "unit:conversation/chain",
  },
  {
    name: "a tool is decided on by what its owner wants now",
    file: core("turn"),
    from: "ports.settings(this.#askedAt)",
    to: "ports.settings()",
    by: "workers:conversation/approvals",
  },
  {
    name: "waiting for a person is no failed attempt",
    file: core("actor"),
    from: "restsUntil(this.#store.state, limits, at) === null",
    to: "at > 0",
    by: "workers:conversation/approvals",
  },
  {
    name: "deployments in quick succession use up no turn's tries",
    file: core("actor"),
    from: "at - since >= limits.stalledMs",
    to: "since > 0",
    by: "workers:conversation/wake",
  },
  {
    name: "a wake that was put off for a decision is brought forward by it",
    file: core("wake"),
    from: "this.#dueAt <= Math.max(due, now + limits.wakeMoveMs)",
    to: "this.#dueAt > 0",
    by: "workers:conversation/approvals",
  },
];
