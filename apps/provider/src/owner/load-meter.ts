/**
 * The owner's load, from what the processors did and from how long our own workers waited for one.
 *
 * The processors' counter moves in steps. A counter that moves by 10 ms says little after 50 ms and much after a second. So several windows are asked, each
 * for the load that it proves: what it measured, less what the ticks may have added. The largest counts, which a
 * large load reaches within a tenth of a second and a small one when it is certain.
 *
 * Our workers are a finer instrument: at the lowest priority, one that wants a core and does not get it has met somebody
 * else's work, and how long it ran is counted to the millisecond. So a look or two are enough to see a load that takes
 * all cores. It says nothing where a core stands idle. And one alone that waits says that every core is taken, by whoever
 * it is: where the others of ours stand still, by the owner's work.
 */

/** Counters at one moment; all in milliseconds, all only ever growing. */
export interface LoadSample {
  readonly atMs: number;
  /** CPU time of everything in sight, over all cores. */
  readonly busyMs: number;
  /** CPU time of PinGo's own processes. */
  readonly ownMs: number;
  /** How far ticks can mislead the difference of two samples. */
  readonly errorMs: number;
  /** How long workers that wanted a core waited for one. */
  readonly waitedMs: number;
  /** How far the last of it may be off. */
  readonly waitedErrorMs: number;
  /** How many of them wanted a core. */
  readonly waiters: number;
  /** How long at least one of them waited. */
  readonly anyWaitedMs: number;
  /** How long they ran, with the agent. */
  readonly ranMs: number;
  /** Null where not every core is ours to have, so that waiting may mean another thing. */
  readonly cores: number | null;
  /** How long any program waited for a core; null where the kernel does not count it. */
  readonly pressureMs: number | null;
}

export interface Contention {
  readonly idleMillicores: number;
  /** Share of the time in which a program that is not ours waited. */
  readonly cpuStallShare: number;
}

const WINDOWS_MS = [100, 200, 400, 1_000, 2_000] as const;
/** A little less than one look, two and four: timers are not exact. */
const WAIT_WINDOWS_MS = [20, 45, 95] as const;
/** Over less than this, only a load that keeps nearly all of ours waiting counts: a stroke of a few milliseconds is no load. */
const STROKE_MS = 95;
const STROKE_SHARE = 0.6;
/** A little less than two looks: within one, a worker may wait for its core while the kernel has not moved it to an idle one yet. */
const TAKEN_WINDOW_MS = 45;
/** How far the last of a worker's waiting may be off: the slowest tick of a desktop's kernel. */
const WAIT_ERROR_MS = 4;
/** Long enough that ticks say little against it, short enough for an owner who waits. */
const CONTENTION_WINDOW_MS = 400;
const KEPT_MS = 2_200;
/** A computer that slept, or an agent that was stopped: what was measured before says nothing. */
const GAP_MS = 5_000;

export class LoadMeter {
  #samples: LoadSample[] = [];

  add(sample: LoadSample): void {
    const before = this.#samples.at(-1);
    const isBroken =
      before !== undefined &&
      (sample.atMs - before.atMs > GAP_MS || sample.busyMs < before.busyMs || sample.ownMs < before.ownMs);
    if (isBroken) this.#samples = [];
    this.#samples.push(sample);
    const oldest = this.#samples.findIndex(({ atMs }) => atMs >= sample.atMs - KEPT_MS);
    this.#samples.splice(0, oldest);
  }

  /** Millicores that everything but PinGo provably uses; null before the first window is full. */
  foreignMillicores(): number | null {
    const last = this.#samples.at(-1);
    if (last === undefined) return null;
    let [most, isMeasured] = [0, false];
    let [used, waited] = [0, 0];
    // Once from the newest back: this runs on every look, in a process that has no optimizing compiler.
    for (let i = this.#samples.length - 1; i >= 0; i--) {
      const from = this.#samples[i];
      if (from === undefined) break;
      const agoMs = last.atMs - from.atMs;
      if (agoMs >= (WINDOWS_MS[used] ?? Number.POSITIVE_INFINITY)) {
        most = Math.max(most, provedMillicores(from, last));
        isMeasured = true;
        while (agoMs >= (WINDOWS_MS[used] ?? Number.POSITIVE_INFINITY)) used += 1;
      }
      if (agoMs >= (WAIT_WINDOWS_MS[waited] ?? Number.POSITIVE_INFINITY)) {
        most = Math.max(
          most,
          waitedMillicores(from, last),
          takenMillicores(from, last),
          contendedMillicores(from, last),
        );
        while (agoMs >= (WAIT_WINDOWS_MS[waited] ?? Number.POSITIVE_INFINITY)) waited += 1;
      }
    }
    return isMeasured ? most : null;
  }

  /** Null while not enough was seen, and where the kernel does not tell. */
  contention(machineMillicores: number): Contention | null {
    const to = this.#samples.at(-1);
    const from = this.#samples.findLast(
      ({ atMs }) => to !== undefined && to.atMs - atMs >= CONTENTION_WINDOW_MS,
    );
    if (to === undefined || from === undefined) return null;
    if (from.pressureMs === null || to.pressureMs === null) return null;
    const spanMs = to.atMs - from.atMs;
    // As little idle time as the ticks allow, and none of the waiting that ours did.
    const busyMs = to.busyMs - from.busyMs + to.errorMs;
    const waitedMs =
      to.pressureMs - from.pressureMs - Math.max(0, to.waitedMs - from.waitedMs + to.waitedErrorMs);
    return {
      idleMillicores: Math.max(0, machineMillicores - (busyMs / spanMs) * 1_000),
      cpuStallShare: Math.max(0, Math.min(1, waitedMs / spanMs)),
    };
  }
}

function waitedMillicores(from: LoadSample, to: LoadSample): number {
  const waitedMs = to.waitedMs - from.waitedMs - Math.max(from.waitedErrorMs, to.waitedErrorMs);
  const spanMs = to.atMs - from.atMs;
  const isStroke = spanMs < STROKE_MS && waitedMs < STROKE_SHARE * spanMs * to.waiters;
  return isStroke ? 0 : (waitedMs / spanMs) * 1_000;
}

/** While one of ours waits, every core is taken: by others, as far as not by ours. */
function takenMillicores(from: LoadSample, to: LoadSample): number {
  const spanMs = to.atMs - from.atMs;
  if (to.cores === null || spanMs < TAKEN_WINDOW_MS) return 0;
  const takenMs = to.cores * (to.anyWaitedMs - from.anyWaitedMs - WAIT_ERROR_MS) - (to.ranMs - from.ranMs);
  return (takenMs / spanMs) * 1_000;
}

/**
 * While others wait and no core is idle, ours has one that they want, where the kernel has put them all on the other. It
 * weighs each processor's waiting by its share of those that are not idle.
 */
function contendedMillicores(from: LoadSample, to: LoadSample): number {
  const spanMs = to.atMs - from.atMs;
  if (to.cores === null || to.pressureMs === null || from.pressureMs === null || spanMs < TAKEN_WINDOW_MS)
    return 0;
  const isFull = to.busyMs - from.busyMs + to.errorMs >= to.cores * spanMs;
  const waitedMs =
    to.cores * (to.pressureMs - from.pressureMs) -
    Math.max(0, to.waitedMs - from.waitedMs) -
    to.waitedErrorMs;
  if (!isFull || waitedMs < STROKE_SHARE * spanMs) return 0;
  return ((to.cores * spanMs - (to.ranMs - from.ranMs) + waitedMs) / spanMs) * 1_000;
}

function provedMillicores(from: LoadSample, to: LoadSample): number {
  const foreignMs = to.busyMs - from.busyMs - (to.ownMs - from.ownMs) - Math.max(from.errorMs, to.errorMs);
  return (foreignMs / (to.atMs - from.atMs)) * 1_000;
}
