/**
 * One place for one unit at a time: a worker process that starts with the first unit, is kept warm, and is
 * replaced when it dies.
 */
import type { ChildProcess } from "node:child_process";
import { type Cid, type Clock, isRunUnit, type LeaseId, type Log, type Prng, RemoteError } from "@pingo/core";
import { sendSignal } from "@pingo/core/system";
import {
  backoffMs,
  LendingError,
  type OwnWorker,
  type Slot,
  type SlotRunOptions,
  type UnitOutcome,
} from "@pingo/lending";
import { ProviderError } from "../provider-error.ts";
import { waitingMs } from "./core-time.ts";
import type { Launcher } from "./launcher.ts";
import { type Speed, type WorkerReport, type WorkerTask, zWorkerReport } from "./protocol.ts";
import { channelTo, REPORT_BYTES_MAX, type WorkerChannel } from "./worker-channel.ts";
import { WorkerClock } from "./worker-clock.ts";

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

/** Deaths in a row without a finished unit; after them the slot is given up for a time. */
export const DEATHS_MAX = 10;
/** What was wrong with the computer may be over by then; should the next process die too, it is given up again. */
export const GIVEN_UP_MS = 30 * 60_000;
/** A cancelled worker ends at its next checkpoint; one that takes longer is killed, as is one that closed its channel. */
const CANCEL_MS_MAX = 2_000;
/** Beyond twice the unit's own deadline: room for reading shards and for a machine that is busy. */
export const GRACE_MS = 60_000;
const MEASURE_MS_MAX = 60_000;
/** Beside a busy owner, where the system lets nobody lift it out of the lowest priority, it may take this long. */
export const FLUSH_MS_MAX = 10_000;
interface Current {
  readonly lease: LeaseId | null;
  /** Nothing of it is worth anything before its end. */
  readonly isPiece: boolean;
  hasBegun: boolean;
  readonly onProgress: SlotRunOptions["onProgress"];
  /** Resolves once the task is over, however. */
  readonly settled: Promise<unknown>;
  resolve(value: UnitOutcome | Speed): void;
  reject(error: unknown): void;
}

export class WorkerSlot implements Slot, AsyncDisposable {
  /** That were given to it, the one that runs among them. */
  units = 0;
  readonly #purpose: WorkerSlotOptions["purpose"];
  readonly #startsAfter: Promise<unknown>;
  readonly #launcher: Launcher;
  readonly #clock: Clock;
  readonly #prng: Prng;
  readonly #log: Log;
  readonly #time: WorkerClock;
  readonly #stopped = new AbortController();
  #child: ChildProcess | undefined;
  #channel: WorkerChannel | undefined;
  #exited: Promise<void> = Promise.resolve();
  #ready = Promise.withResolvers<WorkerChannel>();
  #current: Current | undefined;
  #isWanted = false;
  #deaths = 0;
  #trouble: ProviderError | undefined;
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
    this.#time = new WorkerClock({
      clock,
      waitingMs: options.waitingMs ?? waitingMs,
      pid: () => this.#pid,
      isHeld: () => this.#heldPid !== undefined,
    });
  }

  /** Given up for a time: it takes no units. */
  get isBroken(): boolean {
    return this.#deaths >= DEATHS_MAX;
  }

  /** Why it is given up. */
  get trouble(): ProviderError | undefined {
    return this.isBroken ? this.#trouble : undefined;
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
    const [child, channel, exited] = [this.#child, this.#channel, this.#exited];
    if (!child) return;
    const end = (): void => {
      if (!this.#isVacated || this.#child !== child) return;
      this.#isCut = true;
      current?.reject(new LendingError({ code: "OWNER_RETURNED" })); // unless it was handed in
      this.#kill(child);
    };
    if (!current?.lease || current.isPiece || !channel || channel.isOver) {
      end();
      return;
    }
    const lifted = this.#pid === undefined ? undefined : this.#launcher.lift(this.#pid);
    if (this.#pid !== undefined) this.#hold(this.#pid, false);
    channel.say({ type: "flush", lease: current.lease } satisfies WorkerTask);
    const over = new AbortController();
    void current.settled.then(() => over.abort());
    const signal = AbortSignal.any([over.signal, this.#stopped.signal]);
    // Handed in, too slow, or the agent stops: in each case there is nothing more to wait for.
    const ended = this.#clock.sleep(FLUSH_MS_MAX, { signal }).then(end, end);
    // To give its memory back a process must run too; one that was recalled meanwhile lives on.
    void ended.then(() => (this.#isVacated ? exited : undefined)).then(() => lifted?.[Symbol.dispose]());
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
    let hasBegun = false;
    const onStep: Current["onProgress"] = (step, loss) => {
      if (!hasBegun && isRunUnit(unit)) this.#endInTime(unit.deadlineMs, over.signal);
      hasBegun = true;
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
    this.#time.outwork(deadlineMs, signal).then(
      () => this.cut(new ProviderError({ code: "PIECE_TOO_SLOW", deadlineMs })),
      () => undefined, // it ended in time
    );
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
    const current: Current = { lease, isPiece, hasBegun: false, onProgress, settled, resolve, reject };
    this.#current = current;
    this.units += 1;
    using _watched = this.#launcher.watch();
    const over = new AbortController();
    this.#time.outlast(stuckMs, over.signal).then(
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
    this.#ready.promise.then((channel) => {
      // Taken back meanwhile: a worker that ran it after all would run two units in one trainer.
      if (this.#current === current) channel.say(task);
    }, reject);
    try {
      return await promise;
    } finally {
      if (this.#current === current) this.#current = undefined;
      over.abort();
    }
  }

  #hold(pid: number, isHeld: boolean): void {
    if (this.#pid !== pid || (this.#heldPid === pid) === isHeld) return;
    if (sendSignal(pid, isHeld ? "SIGSTOP" : "SIGCONT")) this.#heldPid = isHeld ? pid : undefined;
  }

  /** Behind walls the child is the wall, which ends once the worker has. */
  #kill(child: ChildProcess): void {
    if (child !== this.#child || this.#pid === undefined) child.kill("SIGKILL");
    else sendSignal(this.#pid, "SIGKILL");
  }

  #cancel(lease: LeaseId): void {
    const current = this.#current;
    const [child, channel] = [this.#child, this.#channel];
    if (current?.lease !== lease) return;
    if (!child || !channel || channel.isOver) {
      current.reject(died("it was not running"));
      return;
    }
    channel.say({ type: "cancel", lease } satisfies WorkerTask);
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
    const channel = this.#channel;
    if (!channel || channel.isOver || this.#current !== undefined || this.#preparedFor === program) return;
    this.#preparedFor = program;
    channel.say({ type: "prepare", program, blocksFolder } satisfies WorkerTask);
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
    const child = this.#launcher.start({
      onPid: (pid) => {
        if (isGone) return;
        this.#pid = pid;
        this.#log.info("worker_started", { purpose: this.#purpose, pid });
      },
      onRoused: () => {
        if (!isGone && this.#heldPid !== undefined) sendSignal(this.#heldPid, "SIGSTOP");
      },
    });
    const gone = (how: string): void => {
      if (isGone) return;
      isGone = true;
      exited.resolve();
      this.#onGone(how);
    };
    const channel = channelTo(child, {
      lineBytesMax: REPORT_BYTES_MAX,
      onValue: (value) => this.#hear(child, channel, value),
      onOver: (why) => this.#onSilence(child, why),
    });
    this.#child = child;
    this.#channel = channel;
    this.#exited = exited.promise;
    child.on("error", (error) => child.pid === undefined && gone(error.message));
    child.on("exit", (code, signal) => gone(signal ?? `exit code ${code}`));
  }

  /** What a worker says is a stranger's word: only what has the shape of a report is taken further. */
  #hear(child: ChildProcess, channel: WorkerChannel, value: unknown): void {
    if (this.#child !== child) return;
    const { data: report } = zWorkerReport.safeParse(value);
    if (report === undefined) this.#onSilence(child, "what it said is no report of a worker's");
    else if (report.type === "ready") this.#ready.resolve(channel);
    else this.#answer(report);
  }

  #answer(report: Exclude<WorkerReport, { type: "ready" }>): void {
    const current = this.#current;
    const lease = report.type === "measured" ? null : report.lease;
    if (current === undefined || lease !== current.lease)
      this.#log.debug("worker_late", { type: report.type });
    else if (report.type === "measured") current.resolve(report.speed);
    else if (report.type === "progress") {
      current.hasBegun = true;
      current.onProgress(report.step, report.loss ?? Number.NaN);
    } else if (report.type === "done") current.resolve(report.outcome);
    else current.reject(new RemoteError(report));
  }

  /** Nothing more is heard of it: it is ending, or is ended. @param why  what was wrong with what it said */
  #onSilence(child: ChildProcess, why: string | null): void {
    if (this.#child !== child) return;
    if (why !== null) {
      this.#log.error("worker_garbles", { why });
      this.#current?.reject(new ProviderError({ code: "WORKER_GARBLES", why }));
      this.#kill(child);
      return;
    }
    const end = (): void => this.#kill(child);
    this.#clock.sleep(CANCEL_MS_MAX, { signal: this.#stopped.signal }).then(end, end);
  }

  #onGone(how: string): void {
    this.#child = undefined;
    this.#channel = undefined;
    this.#pid = undefined;
    this.#heldPid = undefined;
    this.#preparedFor = undefined;
    // What waited for this worker to be ready waits for the next one; only a task it had is lost.
    const isReady = this.#awaitNext();
    // A module can end the process that it runs in, by what it makes the engine take of memory: that is the job's doing.
    const isOfPiece = this.#current?.isPiece === true && this.#current.hasBegun;
    this.#current?.reject(isOfPiece ? new ProviderError({ code: "PIECE_DIED", how }) : died(how));
    if (this.#stopped.signal.aborted) {
      isReady.reject(new LendingError({ code: "STOPPING" }));
      return;
    }
    // One that was too slow to be cancelled is not broken.
    if (!this.#isCut && !isOfPiece) this.#deaths += 1;
    this.#isCut = false;
    if (this.isBroken) {
      this.#giveUp(how, isReady.reject);
      return;
    }
    if (this.#isVacated) return; // what waits is served after the recall
    const waitMs = backoffMs(Math.max(1, this.#deaths), this.#prng);
    this.#log.warn("worker_died", { how, deaths: this.#deaths, restartMs: Math.round(waitMs) });
    this.#clock.sleep(waitMs, { signal: this.#stopped.signal }).then(
      () => this.#isVacated || this.#start(),
      () => isReady.reject(new LendingError({ code: "STOPPING" })),
    );
  }

  #awaitNext(): PromiseWithResolvers<WorkerChannel> {
    const isReady = Promise.withResolvers<WorkerChannel>();
    isReady.promise.catch(() => undefined); // heard by whoever waits, if anyone does
    this.#ready = isReady;
    return isReady;
  }

  #giveUp(how: string, refuse: (error: unknown) => void): void {
    const deaths = this.#deaths;
    this.#trouble = new ProviderError({ code: "WORKER_GIVEN_UP", deaths, how, restMs: GIVEN_UP_MS });
    this.#log.error("worker_given_up", { deaths, how, restMs: GIVEN_UP_MS });
    refuse(died(`it died ${deaths} times in a row`));
    const again = (): void => {
      this.#deaths = DEATHS_MAX - 1;
      this.#awaitNext();
      if (!this.#isVacated) this.#start();
    };
    this.#clock.sleep(GIVEN_UP_MS, { signal: this.#stopped.signal }).then(again, () => undefined); // the agent stops
  }
}

function died(how: string): LendingError {
  return new LendingError({ code: "WORKER_DIED", how });
}
