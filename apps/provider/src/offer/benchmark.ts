/**
 * How fast this computer is, measured in a worker of its own at the lowest priority: shortly at the first start, for two
 * seconds at the first idle moment, and again every few hours. What was measured is kept, so that a restart offers at once.
 */
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock, Log } from "@pingo/core";
import type { OwnWorker } from "@pingo/lending";
import { type MeasuredSpeed, zMeasuredSpeed } from "@pingo/scheduler/status";
import type { WorkerSlot } from "../worker/worker-slot.ts";

export interface BenchmarkOptions {
  readonly folder: string;
  readonly openSlot: () => WorkerSlot;
  readonly clock: Clock;
  readonly log: Log;
}

export const MEASURED_FILE = "measured.json";
/** A laptop throttles, a neighbour moves in: an offer is not older than this. */
const AGAIN_MS = 6 * 3_600_000;
const RETRY_MS = 600_000;
/** The moment must have been idle this long: work that has just ended often goes on. */
export const IDLE_MS = 30_000;
export const FULL_PASSES = 6;

export class Benchmark implements AsyncDisposable {
  readonly #options: BenchmarkOptions;
  #measured: MeasuredSpeed | null;
  #slot: WorkerSlot | undefined;
  #running: Promise<void> = Promise.resolve();
  /** The one at the start is waited for; every other gives way. */
  #isYielding = false;
  #idleSinceMs: number | undefined;
  #failedAtMs = Number.NEGATIVE_INFINITY;

  static async open(options: BenchmarkOptions): Promise<Benchmark> {
    return new Benchmark(options, await readMeasured(join(options.folder, MEASURED_FILE)));
  }

  private constructor(options: BenchmarkOptions, measured: MeasuredSpeed | null) {
    this.#options = options;
    this.#measured = measured;
  }

  get measured(): MeasuredSpeed | null {
    return this.#measured;
  }

  /** Its process yields to the owner like every other. */
  workers(): readonly OwnWorker[] {
    return this.#slot?.worker ? [this.#slot.worker] : [];
  }

  /** Before the first offer, where nothing is known yet. */
  async atStart(): Promise<void> {
    if (this.#measured === null) await this.#measure(1);
  }

  /** Once a second: measures when it is due and nobody needs the computer, and gives way at once. */
  look(isIdle: boolean): void {
    const now = this.#options.clock.monotonicMs();
    if (!isIdle) {
      this.#idleSinceMs = undefined;
      // A unit came: what the two would measure of each other is of use to nobody.
      if (this.#isYielding) void this.#slot?.[Symbol.asyncDispose]();
      return;
    }
    this.#idleSinceMs ??= now;
    if (this.#slot || now - this.#idleSinceMs < IDLE_MS || !this.#isDue(now)) return;
    this.#isYielding = true;
    this.#running = this.#measure(FULL_PASSES);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#slot?.[Symbol.asyncDispose]();
    await this.#running;
  }

  #isDue(nowMs: number): boolean {
    if (nowMs - this.#failedAtMs < RETRY_MS) return false;
    const { isFull = false, atUnixMs = 0 } = this.#measured ?? {};
    const ageMs = this.#options.clock.nowUnixMs() - atUnixMs;
    return !isFull || ageMs > AGAIN_MS || ageMs < 0; // a clock that went back makes it old, never new for ever
  }

  async #measure(passes: number): Promise<void> {
    const { folder, openSlot, clock, log } = this.#options;
    try {
      // In a process of its own: what it took of memory is gone with it.
      await using slot = openSlot();
      this.#slot = slot;
      const speed = await slot.measure(passes);
      this.#measured = { ...speed, atUnixMs: clock.nowUnixMs(), isFull: passes === FULL_PASSES };
      log.info("measured", { ...this.#measured });
      const path = join(folder, MEASURED_FILE);
      await writeFile(`${path}.new`, JSON.stringify(this.#measured));
      await rename(`${path}.new`, path);
    } catch (error) {
      // It gave way, or there is no engine, or the disk is full: what was known before goes on counting.
      this.#failedAtMs = clock.monotonicMs();
      log.warn("measure_failed", { error: String(error) });
    } finally {
      this.#slot = undefined;
      this.#isYielding = false;
    }
  }
}

async function readMeasured(path: string): Promise<MeasuredSpeed | null> {
  try {
    return zMeasuredSpeed.safeParse(JSON.parse(await readFile(path, "utf8"))).data ?? null;
  } catch {
    return null; // none yet, or spoilt: it is measured anew
  }
}
