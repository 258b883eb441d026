/**
 * How many steps one call of a trainer best has.
 *
 * A call of three steps or more holds the state five times: as it was, twice in the Scan, as ONNX Runtime gives it
 * back and as JavaScript gets it. One of a single step needs no copies in the Scan, but each call hands the state
 * over. Where the state is large and a step so long that this is little beside it, calls are single steps: a UNet of
 * 4.6 M weights takes 106 MiB less and 2.7 % more time.
 */
import type { ProgramSignature } from "@pingo/autograd";
import { spansOf } from "./program.ts";

/** Less, and two copies of it are nothing beside the process. */
const STATE_BYTES_MIN = 16 * 2 ** 20;
/** Measured: the UNet of the benchmark, one thread of a Zen 4, 2026-11. */
const HANDOVER_MS_PER_BYTE = 0.14e-6;
/** Of a step that handing over may take. */
const HANDOVER_SHARE_MAX = 1 / 32;

/** The grain of progress, deadline and abort: as many steps as take so long, but no fewer and no more than these. */
const CALL_MS = 200;
const CALL_STEPS = { min: 8, max: 32 } as const;

/**
 * @param stepMs  what a step was seen to take; undefined before the first call, which finds out
 * @param most    where nobody waits for progress
 */
export function stepsOfCall(
  signature: ProgramSignature,
  stepMs: number | undefined,
  most = stepsOfGrain(stepMs),
): number {
  const stateBytes = spansOf(signature).reduce(
    (sum, { from, to, slots = [] }) =>
      sum + Float32Array.BYTES_PER_ELEMENT * (1 + slots.length) * (to - from),
    0,
  );
  if (stateBytes < STATE_BYTES_MIN) return most;
  const isLong = stepMs === undefined || stateBytes * HANDOVER_MS_PER_BYTE <= HANDOVER_SHARE_MAX * stepMs;
  return isLong ? 1 : most;
}

/** Handing over 8 MB of an MLP's state takes as long as half a step of it or more. */
function stepsOfGrain(stepMs: number | undefined): number {
  if (stepMs === undefined) return CALL_STEPS.min;
  return Math.min(CALL_STEPS.max, Math.max(CALL_STEPS.min, Math.floor(CALL_MS / stepMs)));
}
