/**
 * Leases: taken while a slot is free, their blocks fetched, their unit run, the result signed and put
 * into the outbox. Whatever goes wrong ends in a release with a reason, never in silence.
 */
import {
  type Cid,
  type Clock,
  cidOfValue,
  type FinishedResult,
  isFault,
  isRunUnit,
  type KeyPair,
  type Lease,
  type LeaseId,
  type LeaseProgress,
  type Log,
  parseShape,
  RECEIPT_DOMAIN,
  type RunUnit,
  reportOf,
  shortId,
  signStatement,
  signValue,
  type WorkKind,
  type WorkUnit,
  zReceipt,
} from "@pingo/core";
import type { RefusalStatus, UnitStatus } from "@pingo/scheduler/status";
import { type BlockReader, type Blocks, copyDag } from "@pingo/storage";
import { LendingError } from "./lending-error.ts";
import type { Outbox } from "./outbox.ts";
import { parseStoredProgram } from "./stored-program.ts";
import type { UnitOutcome } from "./unit-outcome.ts";
import type { OwnWorker, Workforce } from "./workforce.ts";

/** One place for one unit at a time. */
export interface Slot {
  /** Given up: it takes no more units. */
  readonly isBroken: boolean;
  /** Its memory was given back; it takes no unit until it is recalled. */
  readonly isVacated: boolean;
  /** A unit runs in it. */
  readonly isBusy: boolean;
  /** Undefined while no process of its own runs; a page has none. */
  readonly worker: OwnWorker | undefined;
  /** A unit is about to come. */
  warmUp(): void;
  /** Resolves once it can take a unit without delay, or never will. */
  warm(): Promise<void>;
  /** Hands in what is done of its unit, and takes none until `recall`. */
  vacate(): void;
  recall(): void;
}

export interface SlotRunOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (step: number, loss: number) => void;
}

/** Blocks that units are fetched into; what was put or read while it is held stays. */
export interface UnitCache extends Blocks {
  hold(): Disposable;
}

export interface LeaseRunnerOptions<S extends Slot> {
  readonly key: KeyPair;
  /** As many as the computer has cores; the owner lends `size` of them, and may change that. */
  readonly slots: readonly S[];
  readonly size: number;
  /** Train alone unless given. */
  readonly kinds?: readonly WorkKind[];
  /** A unit of this program is about to come: the program and its graph are in the cache. */
  readonly prepare?: (slot: S, program: Cid) => void;
  /** The unit's blocks are all in the cache. */
  readonly run: (slot: S, lease: Lease, options: SlotRunOptions) => Promise<UnitOutcome>;
  readonly cache: UnitCache;
  /** Reads through the cache from the fog node. */
  readonly blocks: BlockReader;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly log: Log;
  /** What a unit's shards may take, on disk and in memory. */
  readonly shardBytesMax: () => number;
  /** What all pieces together may take of memory; no limit unless given. */
  readonly memoryBytesMax?: () => number;
  /** A result lies in the outbox. */
  readonly onResult: (outcome: UnitOutcome) => void;
  /** @param isOwners  the owner took the computer back: nobody failed */
  readonly onRelease: (lease: LeaseId, reason: string, isOwners: boolean) => void;
  /** What a failure means on this system. */
  readonly faultOf?: (cause: unknown) => unknown;
}

interface Running<S> {
  readonly lease: Lease;
  readonly slot: S;
  /** A lease that was taken back ends at the worker's next checkpoint; the next one on its slot waits for that. */
  readonly slotFree: Promise<void>;
  readonly cancel: AbortController;
  step: number;
  loss: number | null;
}

/** Files, and blocks of each: four blocks on their way at a time, which is most of what an agent grows by. */
const FILES_AT_ONCE = 2;
const BLOCKS_AT_ONCE = 2;

export class LeaseRunner<S extends Slot> implements Workforce {
  readonly #options: LeaseRunnerOptions<S>;
  readonly #runningById = new Map<LeaseId, Running<S>>();
  /** The last lease of each slot that has one, until it is over. */
  readonly #endedBySlot = new Map<S, Promise<void>>();
  #isClosed = false;
  #isVacated = false;
  #size: number;
  /** The owner may say another before this one is warm. */
  #wantedSize: number;
  #refused: RefusalStatus | null = null;

  constructor(options: LeaseRunnerOptions<S>) {
    this.#options = options;
    this.#size = Math.min(options.size, options.slots.length);
    this.#wantedSize = this.#size;
  }

  /** Slots that still take units, busy or not. */
  get slots(): number {
    return this.#options.slots.slice(0, this.#size).filter((slot) => !slot.isBroken).length;
  }

  /** The owner lends so many: what runs beyond is handed in as far as it is done, what comes later is warm before it is offered. */
  async resize(slots: number): Promise<void> {
    const before = this.#size;
    this.#wantedSize = slots;
    if (slots <= before) {
      this.#size = slots;
      for (const slot of this.#options.slots.slice(slots, before)) this.#vacate(slot);
      return;
    }
    const more = this.#options.slots.slice(before, slots);
    if (!this.#isVacated) for (const slot of more) slot.recall();
    await Promise.all(more.map((slot) => slot.warm()));
    if (this.#wantedSize === slots) this.#size = slots;
  }

  workers(): readonly OwnWorker[] {
    return this.#options.slots.flatMap(({ worker }) => worker ?? []);
  }

  /** The owner needs the computer: what is done is handed in, what has not begun goes back. */
  vacate(): void {
    this.#isVacated = true;
    for (const slot of this.#options.slots) this.#vacate(slot);
  }

  recall(): void {
    this.#isVacated = false;
    for (const slot of this.#options.slots.slice(0, this.#size)) slot.recall();
  }

  #vacate(slot: S): void {
    const returned = new LendingError({ code: "OWNER_RETURNED" });
    for (const running of this.#runningById.values()) {
      if (running.slot !== slot || slot.isBusy || running.cancel.signal.aborted) continue;
      running.cancel.abort(returned);
      this.#options.onRelease(running.lease.id, returned.message, true);
    }
    slot.vacate();
  }

  /** Idempotent by lease. @throws {LendingError} LEASE_NOT_MINE, LEASE_TOO_LARGE, KIND_NOT_TAKEN, SLOT_SIGNED, LEASE_OLD, NO_FREE_SLOT, STOPPING */
  take(lease: Lease): void {
    try {
      this.#take(lease);
    } catch (error) {
      if (isFault(error)) this.#noteRefusal(error);
      throw error;
    }
  }

  /** Since the start, as `pingo node status` shows it. */
  get refused(): RefusalStatus | null {
    return this.#refused;
  }

  #noteRefusal(error: unknown): void {
    const { clock, log } = this.#options;
    const { code, message } = reportOf(error);
    log.warn("lease_refused", { code, message });
    const count = (this.#refused?.count ?? 0) + 1;
    this.#refused = { code, sentence: message, atUnixMs: clock.nowUnixMs(), count };
  }

  #take(lease: Lease): void {
    const { key, slots, outbox, log } = this.#options;
    if (this.#isClosed) throw new LendingError({ code: "STOPPING" });
    if (lease.provider !== key.nodeId) {
      throw new LendingError({ code: "LEASE_NOT_MINE", lease: lease.id, provider: lease.provider });
    }
    if (this.#runningById.has(lease.id) || outbox.leases().includes(lease.id)) return;
    this.#check(lease.unit);
    if (lease.registry !== null) outbox.assertUnsigned(lease);
    const working = [...this.#runningById.values()].filter(({ cancel }) => !cancel.signal.aborted);
    const taken = new Set(working.map(({ slot }) => slot));
    const usable = slots
      .slice(0, this.#size)
      .filter((one) => !one.isBroken && !one.isVacated && !taken.has(one));
    // The fog node counts a slot as free once it took its lease back, and the worker needs a moment more.
    const slot = usable.find((one) => !this.#endedBySlot.has(one)) ?? usable[0];
    if (!slot) throw new LendingError({ code: "NO_FREE_SLOT", slots: this.slots });
    const slotFree = this.#endedBySlot.get(slot) ?? Promise.resolve();
    const running: Running<S> = { lease, slot, slotFree, cancel: new AbortController(), step: 0, loss: null };
    this.#runningById.set(lease.id, running);
    log.info("lease_taken", { lease: lease.id, round: lease.unit.round, unit: lease.unit.index });
    const ended = this.#run(running).finally(() => {
      if (this.#endedBySlot.get(slot) === ended) this.#endedBySlot.delete(slot);
    });
    this.#endedBySlot.set(slot, ended);
  }

  drop(lease: LeaseId, reason: string): void {
    this.#runningById.get(lease)?.cancel.abort(new LendingError({ code: "LEASE_REVOKED", reason }));
  }

  running(): readonly LeaseId[] {
    return [...this.#runningById.keys()];
  }

  progress(): readonly LeaseProgress[] {
    return [...this.#runningById.values()].map(({ lease, step, loss }) => ({
      lease: lease.id,
      step,
      loss: Number.isFinite(loss) ? loss : null, // a unit that diverges says so when it ends
    }));
  }

  /** As `pingo node status` shows them. */
  units(): readonly UnitStatus[] {
    return [...this.#runningById.values()].map(({ lease: { unit }, slot, step, loss }) => ({
      job: unit.job,
      round: unit.round,
      index: unit.index,
      step,
      steps: unit.steps,
      loss: Number.isFinite(loss) ? loss : null,
      workerPid: slot.worker?.pid ?? null,
    }));
  }

  /** Takes no more leases; those that run are cancelled without a word: the caller hands them back. */
  close(): void {
    this.#isClosed = true;
    for (const { cancel } of this.#runningById.values()) cancel.abort(new LendingError({ code: "STOPPING" }));
  }

  async #run(running: Running<S>): Promise<void> {
    const { lease, slot, cancel } = running;
    const { cache, outbox, log, run, onResult, onRelease, faultOf = asItIs } = this.#options;
    const { signal } = cancel;
    using _held = cache.hold();
    try {
      slot.warmUp();
      await this.#fetch(running);
      await running.slotFree;
      const outcome = await run(slot, lease, {
        signal,
        onProgress: (step, loss) => {
          running.step = step;
          running.loss = loss;
        },
      });
      await outbox.put(this.#sign(lease, outcome));
      this.#runningById.delete(lease.id);
      log.info("unit_done", { lease: lease.id, steps: outcome.steps, loss: outcome.lossMean });
      onResult(outcome);
    } catch (cause) {
      const error = faultOf(cause); // also when the outbox's own database meets it
      this.#runningById.delete(lease.id);
      const { code, message } = reportOf(error);
      log[isFault(error) ? "warn" : "error"]("unit_failed", { lease: lease.id, code, error: String(error) });
      // Who revoked it knows, and a stopping agent says goodbye for all.
      if (!signal.aborted)
        onRelease(lease.id, `${code}: ${message}`.slice(0, 256), code === "OWNER_RETURNED");
    }
  }

  async #fetch({ lease: { unit }, slot, cancel: { signal } }: Running<S>): Promise<void> {
    const { blocks, cache, prepare } = this.#options;
    const options = { signal, parallel: BLOCKS_AT_ONCE, readsThrough: true };
    const fetch = (root: Cid): Promise<unknown> => copyDag(root, blocks, cache, options);
    if (isRunUnit(unit)) {
      await fetch(unit.module);
      if (unit.input !== null) await fetch(unit.input.cid);
      return;
    }
    await fetch(unit.program);
    const { graph } = parseStoredProgram(unit.program, await cache.get(unit.program, { signal }));
    await fetch(graph);
    prepare?.(slot, unit.program);
    const roots = [unit.weights, ...unit.shards.map(({ cid }) => cid)].values();
    // Each takes the next root from one iterator.
    const walker = async (): Promise<void> => {
      for (const root of roots) await fetch(root);
    };
    await Promise.all(Array.from({ length: FILES_AT_ONCE }, walker));
  }

  #check(unit: WorkUnit): void {
    const { kinds = ["Train"], shardBytesMax } = this.#options;
    const kind = isRunUnit(unit) ? "Run" : "Train";
    if (!kinds.includes(kind)) throw new LendingError({ code: "KIND_NOT_TAKEN", kind });
    const what = isRunUnit(unit) ? "the input" : "the shards";
    const bytes = isRunUnit(unit)
      ? (unit.input?.sizeBytes ?? 0)
      : unit.shards.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const bytesMax = shardBytesMax();
    if (bytes > bytesMax) throw new LendingError({ code: "LEASE_TOO_LARGE", what, bytes, bytesMax });
    if (isRunUnit(unit)) this.#checkMemory(unit);
  }

  /** Beside what was promised to the pieces that run: a worker that grows into the owner's memory is ended, and its work lost. */
  #checkMemory(unit: RunUnit): void {
    const { memoryBytesMax = () => Number.POSITIVE_INFINITY } = this.#options;
    const promised = [...this.#runningById.values()].flatMap(({ lease, cancel }) =>
      isRunUnit(lease.unit) && !cancel.signal.aborted ? pieceBytes(lease.unit) : [],
    );
    const bytes = promised.reduce((sum, more) => sum + more, pieceBytes(unit));
    const bytesMax = memoryBytesMax();
    const what = promised.length === 0 ? "memory and output" : "memory and output beside that of what runs";
    if (bytes > bytesMax) throw new LendingError({ code: "LEASE_TOO_LARGE", what, bytes, bytesMax });
  }

  #sign(lease: Lease, outcome: UnitOutcome): FinishedResult {
    const { key } = this.#options;
    const { id, unit, issuedAtUnixMs, registry } = lease;
    const body = { ...outcome, lease: id, unit: cidOfValue(unit), issuedAtUnixMs, provider: key.nodeId };
    const checked = parseShape(zReceipt, body, `the receipt of ${shortId(id)}`);
    const receipt = signValue(RECEIPT_DOMAIN, checked, key);
    return { receipt, statement: registry && signStatement(key, registry, receipt) };
  }
}

/** What a piece writes is memory until it ends. */
function pieceBytes({ limits }: RunUnit): number {
  return limits.memoryBytes + limits.outputBytes;
}

function asItIs(cause: unknown): unknown {
  return cause;
}
