/** What is known of a running job from its events. Pure: events in, a new state out. */
import type { NodeId, NumberedEvent } from "@pingo/core";

export interface JobProgress {
  readonly name: string;
  /** Of a Run job, which has one round and nothing to lose; null of one that trains. */
  readonly pieces: number | null;
  /** The round under way; 0 before the first. */
  readonly round: number;
  readonly rounds: number;
  readonly stepsOfRound: number;
  readonly stepByUnit: ReadonlyMap<number, number>;
  readonly unitsDelivered: ReadonlySet<number>;
  readonly lossByRound: readonly number[];
  readonly evaluationByRound: readonly {
    readonly round: number;
    readonly loss: number;
    readonly accuracy: number | null;
  }[];
  readonly rows: number;
  readonly providers: ReadonlySet<NodeId>;
  readonly waiting: string | null;
  readonly firstLeaseUnixMs: number | null;
  readonly lastCommitUnixMs: number | null;
  /** What training was to take of a worker's memory, and the most that a worker's process was resident. */
  readonly plannedBytes: number | null;
  readonly peakBytes: number | null;
}

export const NO_PROGRESS: JobProgress = {
  name: "",
  pieces: null,
  round: 0,
  rounds: 0,
  stepsOfRound: 0,
  stepByUnit: new Map(),
  unitsDelivered: new Set(),
  lossByRound: [],
  evaluationByRound: [],
  rows: 0,
  providers: new Set(),
  waiting: null,
  firstLeaseUnixMs: null,
  lastCommitUnixMs: null,
  plannedBytes: null,
  peakBytes: null,
};

export function advance(progress: JobProgress, { event, atUnixMs }: NumberedEvent): JobProgress {
  switch (event.type) {
    case "accepted":
      return {
        ...progress,
        name: event.name,
        rounds: event.rounds,
        plannedBytes: event.memory?.plannedBytes ?? null,
        pieces: event.pieces ?? null,
      };
    case "round-started":
      return {
        ...progress,
        round: event.round,
        stepsOfRound: event.steps,
        stepByUnit: new Map(),
        unitsDelivered: new Set(),
        waiting: null,
      };
    case "leased":
      return { ...progress, waiting: null, firstLeaseUnixMs: progress.firstLeaseUnixMs ?? atUnixMs };
    case "progress":
      if (event.round !== progress.round) return progress;
      return { ...progress, stepByUnit: new Map(progress.stepByUnit).set(event.unit, event.step) };
    case "delivered":
      return {
        ...progress,
        stepByUnit: new Map(progress.stepByUnit).set(event.unit, event.steps),
        unitsDelivered: new Set(progress.unitsDelivered).add(event.unit),
        peakBytes:
          event.peakBytes === undefined
            ? progress.peakBytes
            : Math.max(progress.peakBytes ?? 0, event.peakBytes),
        providers: event.counted ? new Set(progress.providers).add(event.provider) : progress.providers,
      };
    case "lost":
      return { ...progress, stepByUnit: new Map(progress.stepByUnit).set(event.unit, 0) };
    case "committed":
      return {
        ...progress,
        rounds: event.rounds,
        lossByRound: [...progress.lossByRound, event.loss],
        rows: progress.rows + event.rows,
        lastCommitUnixMs: atUnixMs,
      };
    case "evaluated": {
      const { round, loss, accuracy } = event;
      return { ...progress, evaluationByRound: [...progress.evaluationByRound, { round, loss, accuracy }] };
    }
    case "waiting":
      return { ...progress, waiting: event.reason };
    case "finished":
      return { ...progress, waiting: null };
  }
}

/** 0 … 1 over all rounds. */
export function shareDone(progress: JobProgress): number {
  if (progress.rounds === 0) return 0;
  const committed = progress.lossByRound.length;
  const isUnderWay = progress.round > committed;
  return Math.min(1, (committed + (isUnderWay ? shareOfRound(progress) : 0)) / progress.rounds);
}

export function shareOfRound(progress: JobProgress): number {
  const steps = [...progress.stepByUnit.values()].reduce((sum, step) => sum + step, 0);
  return progress.stepsOfRound === 0 ? 0 : Math.min(1, steps / progress.stepsOfRound);
}

export function samplesPerSecond(progress: JobProgress): number | null {
  const { firstLeaseUnixMs, lastCommitUnixMs, rows } = progress;
  if (firstLeaseUnixMs === null || lastCommitUnixMs === null || lastCommitUnixMs <= firstLeaseUnixMs)
    return null;
  return rows / ((lastCommitUnixMs - firstLeaseUnixMs) / 1000);
}
