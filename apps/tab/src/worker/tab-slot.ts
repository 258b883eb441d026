/** One place for one unit at a time in a tab: a Web Worker of its own, kept warm until the owner wants the memory. */
import { startTrainer } from "@pingo/autograd/browser";
import { assert, type Clock, isRunUnit, type Lease } from "@pingo/core";
import type { Slot, SlotRunOptions, UnitOutcome } from "@pingo/lending";
import { createUnitRunner, type UnitRunner, type UnitTask } from "@pingo/lending/unit";

export interface TabSlotOptions {
  readonly clock: Clock;
  /** Where ONNX Runtime's WebAssembly is served. */
  readonly wasmUrl: string;
}

export class TabSlot implements Slot {
  readonly #options: TabSlotOptions;
  #runner: UnitRunner;
  #flush: AbortController | undefined;
  #isVacated = false;
  readonly isBroken = false;
  /** A page has no processes, and cannot make its workers stand still. */
  readonly worker = undefined;

  constructor(options: TabSlotOptions) {
    this.#options = options;
    this.#runner = this.#createRunner();
  }

  get isVacated(): boolean {
    return this.#isVacated;
  }

  get isBusy(): boolean {
    return this.#flush !== undefined;
  }

  /** A trainer belongs to its program, which is not here yet. */
  warmUp(): void {}

  async warm(): Promise<void> {}

  vacate(): void {
    this.#isVacated = true;
    if (this.#flush) this.#flush.abort(new Error("the tab stops lending"));
    else void this.#letGo();
  }

  recall(): void {
    this.#isVacated = false;
  }

  async run(
    lease: Lease,
    blocks: Omit<UnitTask, "unit">,
    { signal, onProgress }: SlotRunOptions,
  ): Promise<UnitOutcome> {
    const { unit } = lease;
    assert(!isRunUnit(unit), "a page takes work of kind Train alone");
    const flush = new AbortController();
    this.#flush = flush;
    try {
      return await this.#runner.run({ unit, ...blocks }, { signal, flush: flush.signal, onProgress });
    } catch (error) {
      // Unless it was taken back, its Web Worker may have ended: the next unit gets a new one.
      if (!signal.aborted) await this.#letGo();
      throw error;
    } finally {
      this.#flush = undefined;
      if (this.#isVacated) await this.#letGo();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#letGo();
  }

  async #letGo(): Promise<void> {
    const runner = this.#runner;
    this.#runner = this.#createRunner();
    await runner[Symbol.asyncDispose]();
  }

  #createRunner(): UnitRunner {
    const { clock, wasmUrl } = this.#options;
    return createUnitRunner({
      clock,
      // A page cannot ask what a thread has used of its core: the time that it had one is the most that it was.
      cpuMs: () => clock.monotonicMs(),
      openTrainer: (program) => startTrainer(program, { wasmUrl }),
    });
  }
}
