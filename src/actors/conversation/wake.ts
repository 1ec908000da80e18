/**
 * One wake per conversation with work: a lifecycle job that only makes sure that the drive is running. It never runs
 * a turn itself, because due jobs run one after another and one that throws three times is dropped.
 */
import { LifecycleCapability, type LifecycleJobContext, type LifecycleJobOutcome } from "agents/lifecycle";
import { limits } from "../../limits.ts";

const JOB = "wake";

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
    if (this.#dueAt > this.#options.now()) return;
    this.#dueAt = this.#options.now() + limits.wakeMs;
    this.#pushed = this.lifecycle.jobs.push({ id: JOB, fn: "drive", time: this.#dueAt });
    this.#pushed.catch((error) => console.error("the wake could not be set", error));
    this.#planMove();
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

  onJob(_context: LifecycleJobContext): LifecycleJobOutcome {
    // `idle` lets the wake go once what is owed was taken.
    if (this.#options.hasWork()) this.#options.kick();
    else this.#options.idle();
    return this.#again();
  }

  onJobError(): LifecycleJobOutcome {
    return this.#again();
  }

  /** Soon: if this life ends as the last one did, the silence must stay short. A drive that lives moves it. */
  #again(): LifecycleJobOutcome {
    this.#dueAt = this.#options.now() + limits.wakeMs;
    this.#planMove();
    return { rescheduleAt: this.#dueAt };
  }
}
