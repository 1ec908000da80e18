/**
 * One wake per conversation with work: a lifecycle job that only makes sure that the drive is running. It never runs
 * a turn itself, because due jobs run one after another and one that throws three times is dropped.
 */
import { LifecycleCapability, type LifecycleJobContext, type LifecycleJobOutcome } from "agents/lifecycle";
import { z } from "zod";
import { limits } from "../../limits.ts";

const JOB = "wake";

/** `tries`: how often news were offered in vain. */
const payloadShape = z.object({ tries: z.number().int().min(0) });
const triesOf = (payload: unknown): number => payloadShape.safeParse(payload).data?.tries ?? 0;

export interface WakeOptions {
  now(): number;
  after(ms: number, run: () => void): () => void;
  /** Loads the object's state. Called once, before anything else reaches the object. */
  start(): void;
  hasWork(): boolean;
  /** Whether the drive runs. One that broke off has to be started again by the wake. */
  driving(): boolean;
  /** Starts the drive if it is not running. */
  kick(): void;
  /** Until when nothing can be done unless a person decides; null when there is something to do. */
  restsUntil(): number | null;
  /** The wake fired and there was nothing to do: whatever is owed to others is told again. */
  idle(): void;
}

export class Wake extends LifecycleCapability {
  readonly #options: WakeOptions;
  /** When the job is due; 0 when there is none. */
  #dueAt = 0;
  #pushed: Promise<unknown> = Promise.resolve();
  #cancelMove: (() => void) | null = null;

  constructor(options: WakeOptions) {
    super("wake");
    this.#options = options;
  }

  override onStart(): void {
    // Creates the SDK's table outside any transaction of ours: made inside one that rolls back it would be lost.
    const pending = this.lifecycle.jobs.list().find((job) => job.id === JOB);
    this.#dueAt = pending?.time ?? 0;
    this.#options.start();
    if (!this.#options.hasWork()) return;
    if (this.#dueAt === 0) this.arm();
    else this.#planMove();
    // Once start-up is over: being awake for any reason is enough to go on.
    this.#options.after(0, () => this.#options.kick());
  }

  /** Makes the wake due. Called right behind the commit, with no other I/O between, so that both are kept or neither. */
  arm(): void {
    const now = this.#options.now();
    const due = this.#due();
    // One that is due soon enough stays; one that was put off for a person's decision is brought forward.
    if (this.#dueAt > now && this.#dueAt <= Math.max(due, now + limits.wakeMoveMs)) return;
    this.#set(due);
  }

  /** Nothing can be done before `until` unless somebody decides: the object may sleep till then. */
  rest(until: number): void {
    if (this.#dueAt !== until) this.#set(until);
  }

  #due(): number {
    return this.#options.restsUntil() ?? this.#options.now() + limits.wakeMs;
  }

  #set(due: number): void {
    const known = this.#dueAt !== 0;
    this.#dueAt = due;
    if (known) this.#pushing(this.lifecycle.jobs.reschedule(JOB, due));
    else this.#push({ tries: 0 });
    this.#planMove();
  }

  #push(payload: z.infer<typeof payloadShape>): void {
    this.#pushing(this.lifecycle.jobs.push({ id: JOB, fn: "drive", time: this.#dueAt, payload }));
  }

  #pushing(set: Promise<unknown>): void {
    this.#pushed = set;
    set.catch((error) => console.error("the wake could not be set", error));
  }

  /** Resolves when the newest wake is set. An acknowledgement awaits it. */
  armed(): Promise<unknown> {
    return this.#pushed;
  }

  /**
   * A turn that lives longer than the wake moves it before it fires: firing costs more. With work that nobody does the
   * wake is left to fire, however long the object lives.
   */
  #planMove(): void {
    this.#cancelMove?.();
    this.#cancelMove = null;
    // Put off for a person's decision: nobody stays awake to move it.
    if (this.#options.restsUntil() !== null) return;
    const wait = Math.max(0, this.#dueAt - this.#options.now() - limits.wakeMarginMs);
    this.#cancelMove = this.#options.after(wait, () => {
      if (!this.#options.hasWork() || !this.#options.driving() || this.#dueAt === 0) return;
      this.#dueAt = this.#options.now() + limits.wakeMoveMs;
      this.lifecycle.jobs
        .reschedule(JOB, this.#dueAt)
        .catch((error) => console.error("the wake could not be moved", error));
      this.#planMove();
    });
  }

  /** There is nothing left to do and nothing owed. */
  async cancel(): Promise<void> {
    this.#cancelMove?.();
    this.#cancelMove = null;
    if (this.#dueAt === 0) return;
    this.#dueAt = 0;
    await this.lifecycle.jobs.cancel(JOB);
  }

  onJob({ job }: LifecycleJobContext): LifecycleJobOutcome {
    if (!this.#options.hasWork()) return this.#idle(triesOf(job.payload) + 1);
    this.#options.kick();
    return this.#again();
  }

  /**
   * Only news are owed. `idle` lets the wake go once they were taken; while nobody takes them they are offered ever
   * more seldom. The tries are counted in the job, because the object may be gone before the next.
   */
  #idle(tries: number): LifecycleJobOutcome {
    const { now, idle } = this.#options;
    this.#dueAt = now() + Math.min(limits.wakeMs * 2 ** (tries - 1), limits.wakeIdleMaxMs);
    this.#push({ tries });
    idle();
    return { rescheduleAt: this.#dueAt };
  }

  onJobError(): LifecycleJobOutcome {
    return this.#again();
  }

  /** Soon: if this life ends as the last one did, the silence must stay short. A drive that lives moves it. */
  #again(): LifecycleJobOutcome {
    this.#dueAt = this.#due();
    this.#planMove();
    return { rescheduleAt: this.#dueAt };
  }
}
