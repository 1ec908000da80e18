/** Guards of the turn. */
import type { Guard } from "./guard.ts";

export type { Guard };

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
    file: core("request"),
    from: ".filter((call) => !call.known)",
    to: ".filter(() => false)",
  },
  {
    name: "a known intent is not written again",
    file: core("request"),
    from: ".filter((call) => !call.known)",
    to: ".filter(() => true)",
  },
  {
    name: "an input that comes while the drive runs does not start another",
    file: core("turn"),
    from: "    if (this.#running) {\n      this.#commit([entry]);",
    to: "    if (Math.PI < 3) {\n      this.#commit([entry]);",
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
    from: "step = this.#advance(await this.#execute(step));\n      this.#running = false;",
    to: "step = this.#advance(await this.#execute(step));",
  },
  {
    name: "a result that nobody waits for is marked late",
    file: core("outcome"),
    from: "(known ? known.result === null : asked) ? entry : { ...entry, late: true }",
    to: "entry",
  },
  {
    name: "an answer that nobody waits for is not an answer",
    by: "unit:conversation/outcome",
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
    file: core("calls"),
    from: "let cancel = ports.after(limits.modelSilenceMs, ring);",
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
    from: "const seen = state.seen.set(entry.keys, entry.turn);",
    to: "const seen = state.seen;",
  },
  {
    name: "a turn that ended is not active any more",
    file: core("state"),
    from: "return settle({ ...state, active: null, items });",
    to: "return settle({ ...state, items });",
  },
  {
    name: "one tool call has one key, however often it runs",
    file: core("tool-runs"),
    from: "return intent?.key ?? ports.toolKey(id);",
    to: "return ports.toolKey(id + ports.now());",
  },
  {
    name: "a person is asked before a tool of risk ask runs",
    file: core("plan"),
    from: 'if (risk === "ask") question.push(call);',
    to: 'if (risk === "ask") run.push(call);',
  },
  {
    name: "a tool that its owner denies does not run",
    file: core("plan"),
    from: 'else if (risk === "deny")',
    to: 'else if (name === "never")',
  },
  {
    name: "a call that was refused does not run",
    file: core("plan"),
    from: "if (ask.decision.approved) run.push(call);",
    to: "if (ask.decision) run.push(call);",
  },
  {
    name: "the first decision counts, and only it",
    file: core("turn"),
    from: "if (ask.decision === null) {",
    to: "if (ask.id) {",
  },
  {
    name: "a decision starts the turn again",
    file: core("turn"),
    from: "      this.kick();\n      if (!late)",
    to: "      if (!late)",
  },
  {
    name: "a question that nobody answers expires",
    file: core("plan"),
    from: "undecided.filter((ask) => ask.expiresAt <= now)",
    to: "undecided.filter((ask) => ask.expiresAt < 0)",
  },
  {
    name: "what was said while the last answer was given is read",
    file: core("plan"),
    from: "if (turn.joined.some((joined) => joined.round === null)) return callAgain(turn, limits, now);",
    to: "",
  },
  {
    name: "a message that joins the running turn is known by its keys there",
    file: core("state"),
    from: "seen: state.seen.set(target.keys, change.into),",
    to: "seen: state.seen,",
  },
  {
    name: "a message that is taken away while it waits ends its turn",
    file: core("turn"),
    from: "...(whole ? cancelEntries(turn, null, at, 0, by) : []),",
    to: "",
  },
  {
    name: "a burst is waited for",
    file: core("plan"),
    from: "turn.startedAt === null && turn.holdUntil > now",
    to: "turn.startedAt === null && turn.holdUntil < 0",
  },
  {
    name: "a call is not tried again before its pause is over",
    file: core("plan"),
    from: "if (turn.retryAt > now)",
    to: "if (turn.retryAt < 0)",
  },
  {
    name: "two calls that a provider gave one id are two",
    file: core("outcome"),
    from: "while (used.has(id))",
    to: "while (used.size < 0)",
  },
  {
    name: "a message that joins stands on the transcript once",
    file: core("state"),
    from: "waiting: state.waiting.filter((turn) => turn !== target),",
    to: "",
  },
];
