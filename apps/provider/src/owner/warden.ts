/**
 * Keeps the owner's own work first: looks at the computer many times a second, decides, and lets the workers run or
 * stand still.
 *
 * A stop is a signal of the kernel's (SIGSTOP), so it holds within one look, whatever a worker is doing.
 */
import type { Clock, Log } from "@pingo/core";
import type { Workforce } from "@pingo/lending";
import {
  decide,
  leastSize,
  OWNER_STATE_AT_START,
  type OwnerDecision,
  type OwnerPolicy,
  type OwnerSignals,
  type OwnerSize,
  type OwnerState,
  type OwnerWish,
  type Verdict,
} from "@pingo/scheduler";
import { Duty } from "./duty.ts";
import type { MemoryView } from "./linux/memory.ts";
import type { ProcessorView } from "./linux/processor.ts";
import { LoadMeter } from "./load-meter.ts";
import { localTime } from "./local-time.ts";
import type { SensorDeck } from "./sensor-deck.ts";
import type { WatchedFile } from "./watched-file.ts";

export interface WardenOptions {
  readonly policy: WatchedFile<OwnerPolicy>;
  readonly wish: WatchedFile<OwnerWish>;
  /** What the owner lends at most, beside the policy's own word. */
  readonly size: () => OwnerSize;
  readonly sensors: SensorDeck;
  readonly processor: ProcessorView;
  readonly memory: () => MemoryView;
  readonly ownMemoryBytes: () => number;
  /** CPU time of this process. */
  readonly agentMs: () => number;
  readonly workforce: Workforce;
  readonly clock: Clock;
  readonly log: Log;
  /** After each look. */
  readonly onLook: (decision: OwnerDecision, signals: OwnerSignals) => void;
}

/** While something runs: a load is seen in two looks, and both are within the tenth of a second that an owner may notice. */
const LOOK_MS = 25;
/** While all of it stands still there is nothing to stop; a core is lent again after half a second at the earliest. */
const STILL_LOOK_MS = 100;
/** While the owner's load leaves room for none: a look changes nothing then, and takes its time from the owner's program. */
const FULL_LOOK_MS = 250;
/** While nothing runs; whoever starts something wakes the warden. */
const REST_LOOK_MS = 250;
const REST_LOOK_LENT_MS = 1_000;
/** Files of the owner's, and the memory that is left: neither changes faster than this matters. */
const SLOW_MS = 1_000;

export class Warden {
  readonly #options: WardenOptions;
  readonly #meter = new LoadMeter();
  readonly #duty = new Duty();
  #state: OwnerState = OWNER_STATE_AT_START;
  #isVacated = false;
  #isRunning = false;
  /** There is room for a core, and it is waited whether it stays. */
  #isCalming = false;
  #wake = new AbortController();
  #memory: MemoryView & { readonly ownBytes: number } = {
    totalBytes: 0,
    availableBytes: 0,
    stallShare: null,
    ownBytes: 0,
  };
  #verdict = "";

  constructor(options: WardenOptions) {
    this.#options = options;
  }

  /** Until the signal; then whatever stands still goes on, so that it can end in order. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#readSlowly();
    signal.addEventListener("abort", () => this.wake());
    // Beside the looks: while every core is busy, a read that waits for its turn would make a look wait too.
    await Promise.all([this.#readOnAndOn(signal), this.#lookOnAndOn(signal)]);
    for (const worker of this.#options.workforce.workers()) worker.hold(false);
  }

  /** Something is about to run: the next look is at once. */
  wake(): void {
    this.#wake.abort();
  }

  async #lookOnAndOn(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      if (this.#wake.signal.aborted) this.#wake = new AbortController();
      this.#look();
      await clock.sleep(this.#lookMs(), { signal: this.#wake.signal }).catch(() => undefined); // woken
    }
  }

  #lookMs(): number {
    if (this.#isRunning) return LOOK_MS;
    if (this.#options.workforce.workers().some(({ isBusy }) => isBusy)) {
      return this.#isCalming ? STILL_LOOK_MS : FULL_LOOK_MS;
    }
    return this.#verdict.startsWith("run ") ? REST_LOOK_LENT_MS : REST_LOOK_MS;
  }

  async #readOnAndOn(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#options.clock.sleep(SLOW_MS, { signal }).catch(() => undefined); // aborted: the loop ends
      if (!signal.aborted) await this.#readSlowly();
    }
  }

  async #readSlowly(): Promise<void> {
    const { policy, wish, memory, ownMemoryBytes } = this.#options;
    this.#memory = { ...memory(), ownBytes: ownMemoryBytes() };
    await Promise.all([policy.refresh(), wish.refresh()]);
  }

  #look(): void {
    const { policy, wish, size, log, onLook } = this.#options;
    const signals = this.#signals();
    const sized = { ...policy.value, size: leastSize(policy.value.size, size()) };
    const decision = decide(signals, sized, wish.value, this.#state);
    this.#state = decision.state;
    this.#isCalming = decision.reasons.some(({ code }) => code === "CALMING");
    this.#act(decision);
    const verdict = `${decision.verdict.kind} ${decision.reasons[0]?.code}`;
    if (verdict !== this.#verdict) {
      this.#verdict = verdict;
      log.info("owner_verdict", { verdict: decision.verdict.kind, reason: decision.reasons[0]?.code });
    }
    onLook(decision, signals);
  }

  #act({ verdict }: OwnerDecision): void {
    const { workforce } = this.#options;
    const isVacated = verdict.kind === "vacate";
    if (isVacated !== this.#isVacated) {
      this.#isVacated = isVacated;
      if (isVacated) workforce.vacate();
      else workforce.recall();
    }
    // What is done of a unit can only be handed in by a worker that runs.
    const workers = workforce.workers();
    const busy = workers.filter((worker) => worker.isBusy && !worker.isLeaving).length;
    const cores = "cores" in verdict && this.#duty.next(shareOf(verdict, busy)) ? verdict.cores : 0;
    let running = 0;
    for (const worker of workers) {
      const runs = isVacated || worker.isLeaving || !worker.isBusy || running < cores;
      if (worker.isBusy && !worker.isLeaving && runs) running += 1;
      worker.hold(!runs);
    }
    // In a turn of rest too: the next turn is as long as this one.
    const isLent = isVacated || ("cores" in verdict && verdict.cores > 0);
    this.#isRunning = isLent && workers.some(({ isBusy }) => isBusy);
  }

  #signals(): OwnerSignals {
    const { clock, sensors, processor, workforce, agentMs } = this.#options;
    const monotonicMs = clock.monotonicMs();
    const nowUnixMs = clock.nowUnixMs();
    const pids = workforce.workers().map(({ pid }) => pid);
    const sample = processor.sample(monotonicMs, pids, agentMs());
    if (sample !== null) this.#meter.add(sample);
    const contention = this.#meter.contention(processor.machineMillicores);
    const { input, battery, temperature, fullScreen, applications, metered, reclaimed } =
      sensors.values(monotonicMs);
    return {
      monotonicMs,
      nowUnixMs,
      local: localTime(nowUnixMs),
      inputIdleMs: input,
      machineMillicores: processor.machineMillicores,
      foreignMillicores: this.#meter.foreignMillicores(),
      idleMillicores: contention?.idleMillicores ?? null,
      cpuStallShare: contention?.cpuStallShare ?? null,
      memoryTotalBytes: this.#memory.totalBytes,
      memoryAvailableBytes: this.#memory.availableBytes,
      memoryStallShare: this.#memory.stallShare,
      ownMemoryBytes: this.#memory.ownBytes,
      battery,
      temperatureCelsius: temperature,
      isFullScreen: fullScreen,
      applications,
      isMetered: metered,
      isReclaimed: reclaimed === true,
    };
  }
}

/** Where fewer work than are lent, each may have more of the time: together they use no more than is lent. */
function shareOf(verdict: Verdict, busy: number): number {
  if (!("cores" in verdict)) return 0;
  return Math.min(1, (verdict.cores * verdict.duty) / Math.max(1, Math.min(busy, verdict.cores)));
}
