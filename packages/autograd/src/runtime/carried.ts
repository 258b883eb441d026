/** What a session carries from call to call, one tensor for each name at the program's border, and its flat forms. */
import { EMA_SLOT } from "../optimizer/ema.ts";
import type { ParameterSpec, ProgramSignature } from "../program/signature.ts";
import { float32, type Ort, type OrtFeeds } from "./ort.ts";
import { flatLength, sizeOf, slotName, splitWeights, weightName } from "./parameters.ts";
import { RuntimeError } from "./runtime-error.ts";
import type { Checkpoint } from "./trainer.ts";

/** @throws {RuntimeError} WEIGHTS_LENGTH */
export function firstState(ort: Ort, { parameters }: ProgramSignature, weights: Float32Array): OrtFeeds {
  const members = slotsOf(parameters).flatMap((slot) => membersOf(parameters, slot));
  const zeros = members.map(({ name, shape }) => [name, new Float32Array(sizeOf(shape)), shape] as const);
  const own = partsOf(parameters.map(itself), weights);
  return Object.fromEntries(
    [...own, ...zeros].map(([name, part, shape]) => [name, float32(ort, part, shape)]),
  );
}

/** @throws {RuntimeError} CHECKPOINT_MISFIT */
export function resumedState(
  ort: Ort,
  { parameters }: ProgramSignature,
  { steps, weights, slots }: Checkpoint,
): OrtFeeds {
  const misfit = (what: string, found: number, expected: number) =>
    new RuntimeError({ code: "CHECKPOINT_MISFIT", what, found, expected });
  if (!Number.isSafeInteger(steps) || steps < 0) throw misfit("steps", steps, 0);
  const wanted = new Map([
    ["weights", parameters.map(itself)],
    ...slotsOf(parameters).map((slot) => [slot, membersOf(parameters, slot)] as const),
  ]);
  const given = new Map([["weights", weights], ...slots]);
  for (const what of new Set([...wanted.keys(), ...given.keys()])) {
    const [found, expected] = [given.get(what)?.length ?? 0, flatLength(wanted.get(what) ?? [])];
    if (found !== expected) throw misfit(what, found, expected);
  }
  const parts = [...wanted].flatMap(([what, members]) => partsOf(members, given.get(what) ?? weights));
  return Object.fromEntries(parts.map(([name, part, shape]) => [name, float32(ort, part, shape)]));
}

/** Freshly allocated. */
export function checkpointOf(state: OrtFeeds, { parameters }: ProgramSignature, steps: number): Checkpoint {
  const slots = slotsOf(parameters).map(
    (slot) => [slot, flatOf(state, membersOf(parameters, slot))] as const,
  );
  return { steps, weights: weightsOf(state, parameters), slots: new Map(slots) };
}

/**
 * Freshly allocated.
 *
 * @throws {RuntimeError} WEIGHTS_NOT_FINITE
 */
export function weightsOf(state: OrtFeeds, parameters: readonly ParameterSpec[]): Float32Array {
  return finite(parameters, flatOf(state, parameters.map(itself)));
}

/**
 * The moving averages, as `weightsOf` has the weights.
 *
 * @throws {RuntimeError} EMA_MISSING, WEIGHTS_NOT_FINITE
 */
export function emaOf(state: OrtFeeds, parameters: readonly ParameterSpec[]): Float32Array {
  const members = membersOf(parameters, EMA_SLOT);
  if (members.length === 0) throw new RuntimeError({ code: "EMA_MISSING" });
  return finite(parameters, flatOf(state, members));
}

interface Member {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Copies. */
function partsOf(members: readonly Member[], flat: Float32Array) {
  return splitWeights(members, flat).map(
    (part, i) => [members[i]!.name, part.slice(), members[i]!.shape] as const,
  );
}

function itself({ kind, shape }: ParameterSpec, index: number): Member {
  return { name: weightName(kind, index), shape };
}

function membersOf(parameters: readonly ParameterSpec[], slot: string): readonly Member[] {
  return parameters.flatMap(({ shape, slots = [] }, index) =>
    slots.includes(slot) ? [{ name: slotName(slot, index), shape }] : [],
  );
}

function slotsOf(parameters: readonly ParameterSpec[]): readonly string[] {
  return [...new Set(parameters.flatMap(({ slots = [] }) => slots))];
}

function flatOf(state: OrtFeeds, members: readonly Member[]): Float32Array {
  const flat = new Float32Array(flatLength(members));
  const parts = splitWeights(members, flat);
  // SAFETY: every state tensor is float32.
  for (const [i, { name }] of members.entries()) parts[i]!.set(state[name]!.data as Float32Array);
  return flat;
}

/**
 * The last step's loss is from before it: only the weights show that it went too far. They are looked at where they are
 * handed over, once for many calls, in a plain loop.
 */
function finite(parameters: readonly ParameterSpec[], flat: Float32Array): Float32Array {
  for (const [i, part] of splitWeights(parameters, flat).entries()) {
    for (let k = 0; k < part.length; k++) {
      const number = part[k]!;
      if (number - number === 0) continue; // Infinity − Infinity and NaN − NaN are NaN
      const parameter = parameters[i]!.name;
      throw new RuntimeError({ code: "WEIGHTS_NOT_FINITE", parameter, found: String(number) });
    }
  }
  return flat;
}
