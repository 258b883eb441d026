/**
 * The owner's load, from counters that step in ticks.
 *
 * A counter that moves by 10 ms says little after 50 ms and much after a second. So several windows are asked, each
 * for the load that it proves: what it measured, less what the ticks may have added. The largest counts, which a
 * large load reaches within a tenth of a second and a small one when it is certain.
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
}

const WINDOWS_MS = [100, 200, 400, 1_000, 2_000] as const;
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
    const proved = WINDOWS_MS.flatMap((windowMs) => {
      const from = this.#samples.findLast(({ atMs }) => atMs <= last.atMs - windowMs);
      return from === undefined ? [] : [provedMillicores(from, last)];
    });
    return proved.length === 0 ? null : Math.max(0, ...proved);
  }
}

function provedMillicores(from: LoadSample, to: LoadSample): number {
  const foreignMs = to.busyMs - from.busyMs - (to.ownMs - from.ownMs) - Math.max(from.errorMs, to.errorMs);
  return (foreignMs / (to.atMs - from.atMs)) * 1_000;
}
