/**
 * Brings waiting work and offers together: whenever something changes, one plan over all jobs.
 *
 * Running jobs come before queued ones, older before newer. A queued job begins once the units it needs at
 * least can run side by side.
 */
import { type Clock, isFault, type Log, mixSeed, shortId } from "@pingo/core";
import { type Demand, type OfferState, plan, type Snapshot, type Unplaced } from "@pingo/scheduler";
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

export function startDispatcher(options: DispatcherOptions): Dispatcher {
  const ending = new AbortController();
  let isAwake = true;
  let rouse = (): void => {};
  const loop = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      if (!isAwake)
        await Promise.race([tick(options.clock, ending.signal), new Promise<void>((r) => (rouse = r))]);
      isAwake = false;
      for (const run of options.runs()) run.tick();
      await dispatch(options).catch((error: unknown) => {
        const why =
          isFault(error) || !(error instanceof Error) ? String(error) : (error.stack ?? error.message);
        options.log.error("dispatch_failed", { why });
      });
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

async function dispatch(options: DispatcherOptions): Promise<void> {
  const running = options.runs().filter(({ row }) => row.state === "running");
  let isShort = false;
  for (const run of running) isShort = (await placeUnits(run, options)) || isShort;
  for (const run of options.runs().filter(({ row }) => row.state === "queued")) {
    if (isShort) run.noteWaiting("behind", "jobs submitted earlier still wait for providers");
    else isShort = !(await startIfPlaceable(run, options));
  }
}

/** @returns whether units of the job are left without a provider */
async function placeUnits(run: JobRun, options: DispatcherOptions): Promise<boolean> {
  const offers = options.offers();
  const connected = new Set(offers.filter((offer) => offer.connected).map((offer) => offer.provider));
  const waiting = run.waiting(connected);
  if (waiting.length === 0) return false;
  const unitById = new Map(
    waiting.map(({ unit }) => [`unit ${unit.index} of round ${unit.round} of ${nameOf(run)}`, unit]),
  );
  const demands = [...unitById].map(([id, unit]) =>
    demandOf(run, id, {
      shards: unit.shards.map(({ cid }) => cid),
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
  const { cpuMillicores, memoryBytes } = run.job.workers;
  return { id, cpuMillicores, memoryBytes, ...more };
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
