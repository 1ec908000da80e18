/**
 * Guards of the turn, by name: the text that holds each, and the text that takes it away. `mutants` removes them one
 * by one and expects a campaign to fail. A guard whose text is not found is an error: the list must follow the code.
 */
export interface Guard {
  name: string;
  file: string;
  from: string;
  to: string;
}

const core = (file: string) => `src/actors/conversation/${file}.ts`;

export const GUARDS: readonly Guard[] = [
  {
    name: "an unsafe tool that was cut off is not run again",
    file: core("plan"),
    from: 'tool.result === null && tool.replay === "unsafe"',
    to: "false",
  },
  {
    name: "a tool runs only after its intent is in the journal",
    file: core("turn"),
    from: ".filter((call) => !call.known)",
    to: ".filter(() => false)",
  },
  {
    name: "a known intent is not written again",
    file: core("turn"),
    from: ".filter((call) => !call.known)",
    to: ".filter(() => true)",
  },
  {
    name: "an input that comes while the drive runs does not start another",
    file: core("turn"),
    from: "if (this.#running) return this.#ports.commit([entry]);",
    to: "",
  },
  {
    name: "the drive is single-flight",
    file: core("turn"),
    from: "    if (this.#running) return;\n",
    to: "",
  },
  {
    name: "a drive that stops says so",
    file: core("turn"),
    from: '      while (step.type !== "idle") step = this.#advance(await this.#execute(step));\n      this.#running = false;',
    to: '      while (step.type !== "idle") step = this.#advance(await this.#execute(step));',
  },
  {
    name: "a result that nobody waits for is marked late",
    file: core("outcome"),
    from: "? entry : { ...entry, late: true }",
    to: "? entry : entry",
  },
  {
    name: "an answer that nobody waits for is not an answer",
    file: core("outcome"),
    from: "if (open?.round === entry.round && open.attempt === entry.attempt) return entry;",
    to: "return entry;",
  },
  {
    name: "stopping a turn breaks off what it does",
    file: core("turn"),
    from: "if (turn.id === state.active?.id) this.#abort?.abort();",
    to: "",
  },
  {
    name: "a call that goes silent is cut",
    file: core("turn"),
    from: "let cancel = this.#ports.after(limits.modelSilenceMs, ring);",
    to: "let cancel = () => {}; void ring;",
  },
  {
    name: "a pause before the next attempt ends",
    file: core("turn"),
    from: "const cancel = this.#ports.after(Math.max(0, until - this.#ports.now()), resolve);",
    to: "const cancel = () => {};",
  },
  {
    name: "an ended turn leaves the line",
    file: core("state"),
    from: "if (state.active !== null || first === undefined || first.outcome === null) return state;",
    to: "return state;",
  },
  {
    name: "an input is remembered by its keys",
    file: core("state"),
    from: "seen: state.seen.set(entry.keys, entry.turn)",
    to: "seen: state.seen",
  },
  {
    name: "a turn that ended is not active any more",
    file: core("state"),
    from: "return settle({ ...state, active: null, items });",
    to: "return settle({ ...state, items });",
  },
  {
    name: "one tool call has one key, however often it runs",
    file: core("turn"),
    from: "return intent?.key ?? this.#ports.toolKey(id);",
    to: "return this.#ports.toolKey(id + this.#ports.id());",
  },
];
