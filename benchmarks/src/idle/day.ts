/**
 * A day of an owner's load, drawn from a seed: a night with a few services' bursts, desk work in short strokes, builds
 * that take every core and breathe, a film, an evening.
 *
 * Drawn rather than recorded: a recording would tell of one person, and could not be published.
 */
import { createPrng, type Prng } from "@pingo/core";

export const STEP_MS = 100;
const MINUTE = 60_000 / STEP_MS;
const HOUR = 60 * MINUTE;

export interface Day {
  readonly machineMillicores: number;
  /** What the owner's programs want in each step; at most the machine. */
  readonly loadMillicores: Float32Array;
  /** Since the last key, at each step. */
  readonly inputIdleMs: Float64Array;
}

interface Stretch {
  readonly hours: number;
  /** What desktop and services take all the time. */
  readonly baseMillicores: readonly [number, number];
  /** Minutes between two bursts, seconds that each takes, share of the machine. */
  readonly bursts: {
    readonly everyMinutes: number;
    readonly seconds: readonly [number, number];
    readonly share: readonly [number, number];
  };
  /** Builds in an hour, and minutes that each takes. */
  readonly builds: { readonly perHour: number; readonly minutes: readonly [number, number] };
  /** Minutes between two keys; null: nobody is there. */
  readonly keysEveryMinutes: number | null;
}

const QUIET = { perHour: 0, minutes: [0, 0] } as const;
const NIGHT: Stretch = {
  hours: 7,
  baseMillicores: [15, 60],
  bursts: { everyMinutes: 12, seconds: [3, 40], share: [0.3, 1] },
  builds: QUIET,
  keysEveryMinutes: null,
};
const DESK: Stretch = {
  hours: 3,
  baseMillicores: [60, 180],
  bursts: { everyMinutes: 0.4, seconds: [0.2, 3], share: [0.1, 0.9] },
  builds: { perHour: 1, minutes: [1, 6] },
  keysEveryMinutes: 0.3,
};
const PROGRAMMING: Stretch = { ...DESK, hours: 4, builds: { perHour: 4, minutes: [1, 12] } };
const AWAY: Stretch = {
  hours: 1,
  baseMillicores: [30, 120],
  bursts: { everyMinutes: 5, seconds: [1, 20], share: [0.2, 0.8] },
  builds: { perHour: 1, minutes: [5, 20] },
  keysEveryMinutes: null,
};
const FILM: Stretch = {
  hours: 2,
  baseMillicores: [350, 600],
  bursts: { everyMinutes: 3, seconds: [0.5, 2], share: [0.1, 0.4] },
  builds: QUIET,
  keysEveryMinutes: 20,
};
const EVENING: Stretch = { ...AWAY, hours: 3, builds: QUIET };
const DAY: readonly Stretch[] = [NIGHT, DESK, AWAY, PROGRAMMING, FILM, DESK, EVENING, { ...NIGHT, hours: 1 }];

export function drawDay(seed: number, cores: number): Day {
  const prng = createPrng(seed);
  const machineMillicores = cores * 1_000;
  const steps = DAY.reduce((sum, { hours }) => sum + hours * HOUR, 0);
  const loadMillicores = new Float32Array(steps);
  const inputIdleMs = new Float64Array(steps);
  let from = 0;
  for (const stretch of DAY) {
    const to = from + stretch.hours * HOUR;
    drawLoad(loadMillicores.subarray(from, to), stretch, machineMillicores, prng);
    drawKeys(inputIdleMs, from, to, stretch, prng);
    from = to;
  }
  return { machineMillicores, loadMillicores, inputIdleMs };
}

function drawLoad(load: Float32Array, stretch: Stretch, machineMillicores: number, prng: Prng): void {
  const { baseMillicores, bursts, builds } = stretch;
  for (let at = 0; at < load.length; at += MINUTE) load.fill(between(baseMillicores, prng), at, at + MINUTE);
  const add = (from: number, steps: number, share: number): void => {
    for (let i = from; i < Math.min(load.length, from + steps); i++) {
      load[i] = Math.min(machineMillicores, (load[i] ?? 0) + share * machineMillicores);
    }
  };
  for (
    let at = waitOf(bursts.everyMinutes, prng);
    at < load.length;
    at += waitOf(bursts.everyMinutes, prng)
  ) {
    add(
      Math.floor(at),
      Math.ceil((between(bursts.seconds, prng) * 1_000) / STEP_MS),
      between(bursts.share, prng),
    );
  }
  if (builds.perHour === 0) return;
  for (
    let at = waitOf(60 / builds.perHour, prng);
    at < load.length;
    at += waitOf(60 / builds.perHour, prng)
  ) {
    const end = at + between(builds.minutes, prng) * MINUTE;
    // A build takes every core for a while, then links on one, or reads.
    for (let part = at; part < end; ) {
      const steps = (between([0.5, 15], prng) * 1_000) / STEP_MS;
      add(Math.floor(part), Math.ceil(steps), prng.float() < 0.75 ? 1 : 1_000 / machineMillicores);
      part += steps + (between([0.1, 1.5], prng) * 1_000) / STEP_MS;
    }
    at = end;
  }
}

function drawKeys(
  idleMs: Float64Array,
  from: number,
  to: number,
  { keysEveryMinutes }: Stretch,
  prng: Prng,
): void {
  let sinceMs = from === 0 ? 3_600_000 : (idleMs[from - 1] ?? 0);
  let next = keysEveryMinutes === null ? Number.POSITIVE_INFINITY : from + waitOf(keysEveryMinutes, prng);
  for (let i = from; i < to; i++) {
    sinceMs += STEP_MS;
    if (i >= next) {
      sinceMs = 0;
      next = i + waitOf(keysEveryMinutes ?? 1, prng);
    }
    idleMs[i] = sinceMs;
  }
}

/** Steps until what happens this often on average happens again: no memory, as arrivals have none. */
function waitOf(everyMinutes: number, prng: Prng): number {
  return Math.max(1, -Math.log(1 - prng.float()) * everyMinutes * MINUTE);
}

function between([from, to]: readonly [number, number], prng: Prng): number {
  return from + (to - from) * prng.float();
}
