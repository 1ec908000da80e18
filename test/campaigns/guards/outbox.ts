/** Guards of the outbox and of schedules: owed replies go out, and what is due happens once. */
import type { Guard } from "../guard.ts";

const outbox = "src/actors/conversation/outbox.ts";
const run = "src/schedule/run.ts";

export const GUARDS: readonly Guard[] = [
  {
    name: "a platform that wants to be left alone is",
    file: outbox,
    from: "if (this.#heldUntil(place) > now) return null;",
    to: "",
    by: "outbox",
  },
  {
    name: "one place gets one delivery at a time",
    file: outbox,
    from: "if (!this.#busy.has(place) && this.#next(",
    to: "if (this.#next(",
    by: "outbox",
  },
  {
    name: "the first row that wants an attempt holds up those behind it",
    file: outbox,
    from: "      if (step) return { row, step };",
    to: "      if (step && row.nextAt <= this.#ports.now()) return { row, step };",
    by: "outbox",
  },
  {
    name: "an occurrence is named before its input is written",
    file: run,
    from: "ports.save({ ...schedule, pendingAt: at }, null);",
    to: "",
    by: "schedules",
  },
  {
    name: "a schedule whose last run goes on is not stacked",
    file: run,
    from: "const busy = schedule.lastTurn !== null;",
    to: "const busy = false;",
    by: "schedules",
  },
  {
    name: "a schedule is made once for one key, also after it came",
    file: "src/actors/conversation/schedules.ts",
    from: "    if (known) return infoOf(known, thread);\n",
    to: "",
    by: "workers:conversation/schedules",
  },
  {
    name: "a schedule that is paused does not come",
    file: "src/schedule/schedule.ts",
    from: '  status: "paused",\n  note,',
    to: "  note,",
    by: "unit:schedule",
  },
  {
    name: "a schedule that is resumed counts its failures anew",
    file: "src/schedule/run.ts",
    from: "resumed(settle(schedule, ports, now), now);",
    to: "resumed(schedule, now);",
    by: "unit:schedule",
  },
  {
    name: "a platform that asks for short pauses for ever is not asked for ever",
    file: "src/actors/conversation/outbox-plan.ts",
    from: "const short = until - now < limits.deliveryBackoffMaxMs;",
    to: "const short = false;",
    by: "unit:conversation/outbox",
  },
  {
    name: "news that nobody takes are offered ever more seldom",
    file: "src/actors/conversation/wake.ts",
    from: "limits.wakeMs * 2 ** (tries - 1)",
    to: "limits.wakeMs",
    by: "workers:conversation/wake",
  },
];
