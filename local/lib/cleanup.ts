/** What has to be undone, in the opposite order. `AsyncDisposableStack` by another name: Node 22 has none. */
export class Cleanup {
  readonly #steps: (() => unknown)[] = [];
  #running: Promise<void> | null = null;

  /** Registers a step, which may be asynchronous. */
  defer(step: () => unknown): void {
    this.#steps.push(step);
  }

  /** Runs every step, once, even if some of them fail; then throws the first failure. */
  run(): Promise<void> {
    this.#running ??= this.#all();
    return this.#running;
  }

  async #all(): Promise<void> {
    const failures: unknown[] = [];
    for (let step = this.#steps.pop(); step; step = this.#steps.pop()) {
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
