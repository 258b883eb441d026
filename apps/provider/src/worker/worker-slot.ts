/**
 * One place for one unit at a time: a worker process that starts with the first unit, is kept warm, and is
 * replaced when it dies.
 */
import type { ChildProcess } from "node:child_process";
import { type Cid, type Clock, isRunUnit, type LeaseId, type Log, type Prng, RemoteError } from "@pingo/core";
import {
  backoffMs,
  LendingError,
  type OwnWorker,
  type Slot,
  type SlotRunOptions,
  type UnitOutcome,
} from "@pingo/lending";
import { ProviderError } from "../provider-error.ts";
import { runningMs, waitingMs } from "./core-time.ts";
import type { Launcher } from "./launcher.ts";
import type { Speed, WorkerReport, WorkerTask } from "./protocol.ts";

export type RunTask = Extract<WorkerTask, { type: "run" }>;

export interface WorkerSlotOptions {
  readonly purpose: "units" | "measure";
  /** Its process waits for this to be over, however it ends. */
  readonly startsAfter?: Promise<unknown>;
  readonly launcher: Launcher;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Log;
  /** How long a process has waited for a core; the scheduler's own count, but in tests. */
  readonly waitingMs?: (pid: number) => number | undefined;
}

/** Deaths in a row without a finished unit; after them the slot is given up until the agent starts anew. */
export const DEATHS_MAX = 10;
/** A cancelled worker ends at its next checkpoint; one that takes longer is killed. */
const CANCEL_MS_MAX = 2_000;
/** Beyond twice the unit's own deadline: room for reading shards and for a machine that is busy. */
export const GRACE_MS = 60_000;
const MEASURE_MS_MAX = 60_000;
/** At the lowest priority beside a busy owner, the way to the next checkpoint may take this long. */
const FLUSH_MS_MAX = 10_000;
/** How often a unit's time is counted: what it stood still is not its own. */
const STUCK_LOOK_MS = 1_000;

interface Current {
  readonly lease: LeaseId | null;
  /** Nothing of it is worth anything before its end. */
  readonly isPiece: boolean;
  readonly onProgress: SlotRunOptions["onProgress"];
  /** Resolves once the task is over, however. */
  readonly settled: Promise<unknown>;
  resolve(value: UnitOutcome | Speed): void;
  reject(error: unknown): void;
}

export class WorkerSlot implements Slot, AsyncDisposable {
  readonly #purpose: WorkerSlotOptions["purpose"];
  readonly #startsAfter: Promise<unknown>;
  readonly #launcher: Launcher;
  readonly #clock: Clock;
  readonly #prng: Prng;
  readonly #log: Log;
  readonly #waitingMs: (pid: number) => number | undefined;
  readonly #stopped = new AbortController();
  #child: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();
  #ready = Promise.withResolvers<ChildProcess>();
  #current: Current | undefined;
  #isWanted = false;
  #deaths = 0;
  /** This agent ends it, as it did not end its unit when asked. */
  #isCut = false;
  /** The worker's own, which behind walls is not the child's. */
  #pid: number | undefined;
  /** The process that stands still. */
  #heldPid: number | undefined;
  #isVacated = false;
  /** The program that its process was last told to open. */
  #preparedFor: Cid | undefined;

  constructor(options: WorkerSlotOptions) {
    const { purpose, startsAfter, launcher, clock, prng, log } = options;
    this.#purpose = purpose;
    this.#startsAfter = startsAfter ?? Promise.resolve();
    this.#launcher = launcher;
    this.#clock = clock;
    this.#prng = prng;
    this.#log = log;
    this.#waitingMs = options.waitingMs ?? waitingMs;
  }

  /** Given up: it takes no more units. */
  get isBroken(): boolean {
    return this.#deaths >= DEATHS_MAX;
  }

  /** Its memory was given back; it takes no unit until it is recalled. */
  get isVacated(): boolean {
    return this.#isVacated;
  }

  get isBusy(): boolean {
    return this.#current !== undefined;
  }

  /** Undefined while no process runs. */
  get worker(): OwnWorker | undefined {
    const pid = this.#pid;
    if (pid === undefined) return undefined;
    return {
      pid,
      isBusy: this.isBusy,
      isLeaving: this.#isVacated,
      hold: (isHeld) => this.#hold(pid, isHeld),
    };
  }

  /** Hands in what is done of the unit, then ends the process; none is started until `recall`. */
  vacate(): void {
    if (this.#isVacated) return;
    this.#isVacated = true;
    const current = this.#current;
    const child = this.#child;
    if (!child) return;
    const end = (): void => {
      if (!this.#isVacated || this.#child !== child) return;
      this.#isCut = true;
      this.#kill(child);
    };
    if (!current?.lease || current.isPiece || !child.connected) {
      current?.reject(new LendingError({ code: "OWNER_RETURNED" }));
      end();
      return;
    }
    if (this.#pid !== undefined) this.#hold(this.#pid, false);
    child.send({ type: "flush", lease: current.lease } satisfies WorkerTask);
    const over = new AbortController();
    void current.settled.then(() => over.abort());
    const signal = AbortSignal.any([over.signal, this.#stopped.signal]);
    // Handed in, too slow, or the agent stops: in each case there is nothing more to wait for.
    this.#clock.sleep(FLUSH_MS_MAX, { signal }).then(end, end);
  }

  /** Ends its process at once; its unit fails with this. */
  cut(why: ProviderError): void {
    if (!this.#child) return;
    this.#isCut = true;
    this.#current?.reject(why);
    this.#kill(this.#child);
  }

  recall(): void {
    if (!this.#isVacated) return;
    this.#isVacated = false;
    if (this.#isWanted && !this.isBroken && !this.#stopped.signal.aborted) this.#start();
  }

  /** At the priority that work runs at. */
  async measure(passes: number): Promise<Speed> {
    const speed = await this.#task({ type: "measure", passes }, null, () => undefined, MEASURE_MS_MAX);
    // SAFETY: a measurement is answered with a speed (#hear).
    return speed as Speed;
  }

  /**
   * @throws {LendingError} WORKER_DIED, WORKER_STUCK
   * @throws {RemoteError} the fault that stopped the unit
   */
  async run(task: RunTask, { signal, onProgress }: SlotRunOptions): Promise<UnitOutcome> {
    signal.throwIfAborted();
    const onAbort = (): void => this.#cancel(task.lease);
    signal.addEventListener("abort", onAbort, { once: true });
    const over = new AbortController();
    const { unit } = task;
    const begun = once(() => {
      if (isRunUnit(unit)) this.#endInTime(unit.deadlineMs, over.signal);
    });
    const onStep: Current["onProgress"] = (step, loss) => {
      begun();
      onProgress(step, loss);
    };
    try {
      const outcome = await this.#task(task, task.lease, onStep, 2 * unit.deadlineMs + GRACE_MS);
      this.#deaths = 0;
      // SAFETY: a run is answered with an outcome (#hear).
      return outcome as UnitOutcome;
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      over.abort();
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** A module that does not end hears nobody: its process ends with it. */
  #endInTime(deadlineMs: number, signal: AbortSignal): void {
    this.#outwork(deadlineMs, signal).then(
      () => this.cut(new ProviderError({ code: "PIECE_TOO_SLOW", deadlineMs })),
      () => undefined, // it ended in time
    );
  }

  /** Resolves when the worker has had a core for this long; beside a busy owner that takes far longer. */
  async #outwork(ms: number, signal: AbortSignal): Promise<void> {
    const pid = this.#pid;
    const beganMs = pid === undefined ? undefined : runningMs(pid);
    if (pid === undefined || beganMs === undefined) return this.#outlast(ms, signal);
    for (let leftMs = ms; leftMs > 0; leftMs = ms - ((runningMs(pid) ?? beganMs) - beganMs))
      await this.#clock.sleep(Math.min(leftMs, STUCK_LOOK_MS), { signal });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    if (this.#child) this.#kill(this.#child); // it holds nothing that must be written
    await this.#exited;
  }

  async #task(
    task: WorkerTask,
    lease: LeaseId | null,
    onProgress: Current["onProgress"],
    stuckMs: number,
  ): Promise<UnitOutcome | Speed> {
    const { promise, resolve, reject } = Promise.withResolvers<UnitOutcome | Speed>();
    const settled = promise.then(
      () => undefined,
      () => undefined, // whoever waits for the task itself hears of it
    );
    const isPiece = task.type === "run" && isRunUnit(task.unit);
    const current: Current = { lease, isPiece, onProgress, settled, resolve, reject };
    this.#current = current;
    const over = new AbortController();
    this.#outlast(stuckMs, over.signal).then(
      () => {
        const { unit } = task.type === "run" ? task : {};
        reject(
          unit && isRunUnit(unit)
            ? new ProviderError({ code: "PIECE_TOO_SLOW", deadlineMs: unit.deadlineMs })
            : new LendingError({ code: "WORKER_STUCK", afterMs: stuckMs }),
        );
        if (this.#child) this.#kill(this.#child);
      },
      () => undefined, // it ended in time
    );
    this.warmUp();
    // A worker may be on its way, also back from a death: the task waits for it.
    this.#ready.promise.then((child) => {
      // Taken back meanwhile: a worker that ran it after all would run two units in one trainer.
      if (this.#current === current) child.send(task, (error) => error && reject(died(String(error))));
    }, reject);
    try {
      return await promise;
    } finally {
      if (this.#current === current) this.#current = undefined;
      over.abort();
    }
  }

  /** Resolves when the worker has had this much time; what it stands still, or is let on no core, does not count. */
  async #outlast(ms: number, signal: AbortSignal): Promise<void> {
    const waited = (): number => (this.#pid && this.#waitingMs(this.#pid)) ?? 0;
    let waitedMs = waited();
    for (let leftMs = ms; leftMs > 0; ) {
      const lookMs = Math.min(leftMs, STUCK_LOOK_MS);
      await this.#clock.sleep(lookMs, { signal });
      const beforeMs = waitedMs;
      waitedMs = waited();
      const isStarved = waitedMs - beforeMs > lookMs / 2;
      if (this.#heldPid === undefined && !isStarved) leftMs -= lookMs;
    }
  }

  #hold(pid: number, isHeld: boolean): void {
    if (this.#pid !== pid || (this.#heldPid === pid) === isHeld) return;
    try {
      process.kill(pid, isHeld ? "SIGSTOP" : "SIGCONT");
      this.#heldPid = isHeld ? pid : undefined;
    } catch {
      // It has just ended; its exit is on the way.
    }
  }

  /** Behind walls the child is the wall, which ends once the worker has. */
  #kill(child: ChildProcess): void {
    if (child !== this.#child || this.#pid === undefined) child.kill("SIGKILL");
    else killNow(this.#pid);
  }

  #cancel(lease: LeaseId): void {
    const current = this.#current;
    const child = this.#child;
    if (current?.lease !== lease) return;
    if (!child?.connected) {
      current.reject(died("it was not running"));
      return;
    }
    child.send({ type: "cancel", lease } satisfies WorkerTask);
    this.#clock.sleep(CANCEL_MS_MAX, { signal: this.#stopped.signal }).then(
      () => {
        if (this.#current !== current) return;
        this.#isCut = true;
        this.#kill(child);
      },
      () => undefined, // the agent stops and kills it anyway
    );
  }

  /** A unit is about to come: its process may start meanwhile. */
  warmUp(): void {
    if (this.#isWanted) return;
    this.#isWanted = true;
    const start = (): void => {
      if (!this.#stopped.signal.aborted && !this.#isVacated) this.#start();
    };
    this.#startsAfter.then(start, start);
  }

  /** While the rest of a unit is fetched, its program may be opened. Nothing where the worker is not there or busy. */
  prepare(program: Cid, blocksFolder: string): void {
    const child = this.#child;
    if (!child?.connected || this.#current !== undefined || this.#preparedFor === program) return;
    this.#preparedFor = program;
    child.send({ type: "prepare", program, blocksFolder } satisfies WorkerTask);
  }

  /** Resolves once its process can take a unit; also when it ended before, or is not to start now. */
  async warm(): Promise<void> {
    this.warmUp();
    await Promise.allSettled([this.#startsAfter]);
    await Promise.race([this.#ready.promise, this.#exited]);
  }

  #start(): void {
    if (this.#child) return; // a recall came before the restart that was due
    const exited = Promise.withResolvers<void>();
    let isGone = false;
    const child = this.#launcher.start((pid) => {
      if (isGone) return;
      this.#pid = pid;
      this.#log.info("worker_started", { purpose: this.#purpose, pid });
    });
    const gone = (how: string): void => {
      if (isGone) return;
      isGone = true;
      exited.resolve();
      this.#onGone(how);
    };
    this.#child = child;
    this.#exited = exited.promise;
    child.on("message", (report: WorkerReport) => this.#hear(child, report));
    child.on("error", (error) => child.pid === undefined && gone(error.message));
    child.on("exit", (code, signal) => gone(signal ?? `exit code ${code}`));
  }

  #hear(child: ChildProcess, report: WorkerReport): void {
    const current = this.#current;
    if (report.type === "ready") this.#ready.resolve(child);
    else if (report.type === "measured") current?.resolve(report.speed);
    else if (report.lease !== current?.lease) this.#log.debug("worker_late", { type: report.type });
    else if (report.type === "progress") current.onProgress(report.step, report.loss);
    else if (report.type === "done") current.resolve(report.outcome);
    else current.reject(new RemoteError(report));
  }

  #onGone(how: string): void {
    this.#child = undefined;
    this.#pid = undefined;
    this.#heldPid = undefined;
    this.#preparedFor = undefined;
    // What waited for this worker to be ready waits for the next one; only a task it had is lost.
    const isReady = Promise.withResolvers<ChildProcess>();
    isReady.promise.catch(() => undefined); // heard by whoever waits, if anyone does
    this.#ready = isReady;
    this.#current?.reject(died(how));
    if (this.#stopped.signal.aborted) {
      isReady.reject(new LendingError({ code: "STOPPING" }));
      return;
    }
    // One that was too slow to be cancelled is not broken.
    if (!this.#isCut) this.#deaths += 1;
    this.#isCut = false;
    if (this.#isVacated) return; // what waits is served after the recall
    if (this.isBroken) {
      this.#log.error("worker_given_up", { deaths: this.#deaths, how });
      isReady.reject(died(`it died ${this.#deaths} times in a row`));
      return;
    }
    const waitMs = backoffMs(Math.max(1, this.#deaths), this.#prng);
    this.#log.warn("worker_died", { how, deaths: this.#deaths, restartMs: Math.round(waitMs) });
    this.#clock.sleep(waitMs, { signal: this.#stopped.signal }).then(
      () => this.#isVacated || this.#start(),
      () => isReady.reject(new LendingError({ code: "STOPPING" })),
    );
  }
}

function once(call: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) call();
    isDone = true;
  };
}

function died(how: string): LendingError {
  return new LendingError({ code: "WORKER_DIED", how });
}

function killNow(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has just ended; its exit is on the way.
  }
}
