/**
 * Brings waiting work and offers together: whenever something changes, one plan over all jobs.
 *
 * Running jobs come before queued ones, older before newer. A queued job begins once the units it needs at
 * least can run side by side.
 */
import { type Clock, isRunUnit, type Log, mixSeed, type RunJob, shortId } from "@pingo/core";
import { type Demand, type OfferState, plan, type Snapshot, type Unplaced } from "@pingo/scheduler";
import { mayPass, retryWaitMs, TRIES_MAX } from "../perseverance.ts";
import { whyOf } from "../why-of.ts";
import type { JobRun } from "./job-run.ts";

export interface DispatcherOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly runs: () => readonly JobRun[];
  readonly offers: () => readonly OfferState[];
}

export interface Dispatcher extends AsyncDisposable {
  wake(): void;
  /** Units of this job that could run side by side if all its own leases were over. */
  placeable(run: JobRun): number;
}

/** Leases run out and offers grow stale by time alone. */
const TICK_MS = 250;

/** Tries in a row that failed, by job: one that cannot be dispatched keeps no other waiting. */
interface Setback {
  readonly tries: number;
  readonly againAtMs: number;
}

export function startDispatcher(options: DispatcherOptions): Dispatcher {
  const ending = new AbortController();
  const setbacks = new WeakMap<JobRun, Setback>();
  let isAwake = true;
  let rouse = (): void => {};
  const loop = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      if (!isAwake)
        await Promise.race([tick(options.clock, ending.signal), new Promise<void>((r) => (rouse = r))]);
      isAwake = false;
      for (const run of options.runs()) run.tick();
      await dispatch(options, setbacks);
    }
  };
  const ended = loop();
  return {
    wake() {
      isAwake = true;
      rouse();
    },
    placeable: (run) => placeable(run, options),
    async [Symbol.asyncDispose]() {
      ending.abort();
      rouse();
      await ended;
    },
  };
}

async function tick(clock: Clock, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(TICK_MS, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function dispatch(options: DispatcherOptions, setbacks: WeakMap<JobRun, Setback>): Promise<void> {
  let isShort = false;
  const attempt = async (run: JobRun, task: () => Promise<boolean>): Promise<void> => {
    if ((setbacks.get(run)?.againAtMs ?? 0) > options.clock.monotonicMs()) return;
    try {
      isShort = (await task()) || isShort;
      setbacks.delete(run);
    } catch (error) {
      noteSetback(run, error, setbacks, options);
    }
  };
  for (const run of options.runs().filter(({ row }) => row.state === "running")) {
    await attempt(run, () => placeUnits(run, options));
  }
  for (const run of options.runs().filter(({ row }) => row.state === "queued")) {
    if (isShort) run.noteWaiting("behind", "jobs submitted earlier still wait for providers");
    else await attempt(run, async () => !(await startIfPlaceable(run, options)));
  }
}

function noteSetback(
  run: JobRun,
  error: unknown,
  setbacks: WeakMap<JobRun, Setback>,
  { clock, log }: DispatcherOptions,
): void {
  const tries = (setbacks.get(run)?.tries ?? 0) + 1;
  setbacks.set(run, { tries, againAtMs: clock.monotonicMs() + retryWaitMs(tries) });
  log.error("dispatch_failed", { job: run.id, tries, why: whyOf(error) });
  // Not waited for: it ends when the failure can be written down.
  if (tries >= TRIES_MAX || !mayPass(error)) void run.fail(error);
}

/** @returns whether units of the job are left without a provider */
async function placeUnits(run: JobRun, options: DispatcherOptions): Promise<boolean> {
  // Its start failed when the station began.
  if (!run.isStarted) await run.start();
  const offers = options.offers();
  const connected = new Set(offers.filter((offer) => offer.connected).map((offer) => offer.provider));
  const waiting = run.waiting(connected);
  if (waiting.length === 0) return false;
  const unitById = new Map(
    waiting.map(({ unit }) => [`unit ${unit.index} of round ${unit.round} of ${nameOf(run)}`, unit]),
  );
  const demands = [...unitById].map(([id, unit]) =>
    demandOf(run, id, {
      shards: isRunUnit(unit) ? [] : unit.shards.map(({ cid }) => cid),
      excluded: waiting.find((waits) => waits.unit === unit)?.excluded ?? [],
    }),
  );
  const { assignments, unplaced } = plan(snapshotOf(options.clock, offers, demands));
  for (const { demand, provider } of assignments) {
    const unit = unitById.get(demand);
    if (unit) await run.grant(unit, provider);
  }
  const first = unplaced[0];
  if (first && run.held().length === 0) run.noteWaiting(keyOf(first), sentenceOf(first, 1));
  else run.noteWaiting("", "");
  return unplaced.length > 0;
}

async function startIfPlaceable(run: JobRun, options: DispatcherOptions): Promise<boolean> {
  const { min } = run.job.workers;
  const demands = Array.from({ length: min }, (_, i) =>
    demandOf(run, `worker ${i + 1} of ${nameOf(run)}`, {}),
  );
  const { unplaced } = plan(snapshotOf(options.clock, options.offers(), demands));
  const first = unplaced[0];
  if (first) {
    run.noteWaiting(keyOf(first), sentenceOf(first, min));
    return false;
  }
  run.noteWaiting("", "");
  await run.start();
  return true;
}

function placeable(run: JobRun, options: DispatcherOptions): number {
  const own = Map.groupBy(run.held(), ({ provider }) => provider);
  const offers = options.offers().map((offer) => ({
    ...offer,
    busySlots: Math.max(0, offer.busySlots - (own.get(offer.provider)?.length ?? 0)),
  }));
  const { max } = run.job.workers;
  const demands = Array.from({ length: max }, (_, i) =>
    demandOf(run, `worker ${i + 1} of ${nameOf(run)}`, {}),
  );
  return plan(snapshotOf(options.clock, offers, demands)).assignments.length;
}

function demandOf(run: JobRun, id: string, more: Pick<Demand, "shards" | "excluded">): Demand {
  const { kind, workers } = run.job;
  const { cpuMillicores } = workers;
  const memoryBytes = run.job.kind === "Run" ? pieceBytes(run.job) : workers.memoryBytes;
  return { id, kind, cpuMillicores, memoryBytes, ...more };
}

/** What a piece writes is memory until it ends; a provider takes no piece that may take more than it lends. */
function pieceBytes({ workers, limits }: Pick<RunJob, "workers" | "limits">): number {
  return Math.max(workers.memoryBytes, limits.memoryBytes) + limits.outputBytes;
}

function snapshotOf(clock: Clock, offers: readonly OfferState[], demands: readonly Demand[]): Snapshot {
  const nowUnixMs = clock.nowUnixMs();
  return { nowUnixMs, offers, demands, seed: mixSeed(nowUnixMs) };
}

function nameOf({ row }: JobRun): string {
  return `${row.name} (${shortId(row.id)})`;
}

/** Changes when the reasons do, and not with the numbers inside their sentences. */
function keyOf({ reasons }: Unplaced): string {
  return `why ${reasons.map(({ reason, providers }) => `${reason}:${providers}`).join(" ")}`;
}

function sentenceOf({ reasons }: Unplaced, needed: number): string {
  const need = needed === 1 ? "a provider" : `${needed} providers at once`;
  if (reasons.length === 0) return `it needs ${need}; none has joined this station`;
  const whys = reasons.map(({ sentence, providers }) => `${providers}: ${sentence}`);
  return `it needs ${need}; of those that joined, ${whys.join("; ")}`;
}
