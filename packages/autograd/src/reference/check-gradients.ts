/**
 * Are the engine's gradients right? Against PyTorch's where a case holds them, else against central differences of
 * the float64 evaluator along a random direction for each parameter.
 *
 * The error of a tensor is measured against its own gradient, or against FLOOR of the model's largest where that is
 * more: a bias before batch norm has a true gradient of zero, and what is computed for it is rounding.
 */
import { assertDefined, createPrng } from "@pingo/core";
import type { Graph } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";
import { writeModel } from "../onnx/writer.ts";
import { loadOrt } from "../runtime/load-ort.ts";
import { openSession, runSession, toOrt } from "../runtime/ort.ts";
import { CheckError } from "./check-fault.ts";
import { evaluate } from "./evaluate.ts";
import type { GradientCase } from "./gradient-case.ts";
import { type GradientGraph, gradientGraph, prunedGraph } from "./gradient-graph.ts";
import { type ReferenceValue, reals, referenceOf } from "./value.ts";

export interface GradientCheck {
  /** Relative error of the tensor that is worst. */
  readonly worst: number;
  readonly tensor: string;
  /** How many tensors. */
  readonly checked: number;
  readonly passed: boolean;
}

export interface CheckOptions {
  readonly case?: GradientCase;
  /** Patterns over names of initializers that are parameters though they look like constants. */
  readonly alsoTrain?: readonly string[];
  /** Of the directions, and of the inputs where no case gives them. */
  readonly seed?: number;
}

/** Float32 gradients, PyTorch's as ours. */
export const CASE_ERROR_MAX = 1e-4;
/** Float32 gradients against differences in float64, over one direction of ±1. */
export const DIFFERENCE_ERROR_MAX = 1e-3;
/** At the limit of a case this is 1e-6 of the model's largest gradient, a few roundings of float32. */
export const FLOOR = 1e-2;

/** Of the largest element of the parameter: the differences' own error is near 1e-8. */
const STEP = 1e-6;
/** For rows of a model that leaves their number open, and for other sizes that only have a name. */
const NAMED_SIZE = 2;

type Gradients = ReadonlyMap<string, Float64Array>;

/** @throws {CheckError | GradientError | ProgramError | GraphError | EvaluationError | RuntimeError} */
export async function checkGradients(model: Graph, options: CheckOptions = {}): Promise<GradientCheck> {
  const prng = createPrng(options.seed ?? 1);
  const inputs = options.case?.inputs ?? drawInputs(model, () => prng.float());
  const built = gradientGraph(model, inputs, options.case?.objective, prng, options.alsoTrain);
  const found = await computedGradients(built, inputs);
  if (options.case !== undefined) return againstCase(found, options.case.gradients);
  return againstDifferences(built, inputs, found, () => prng.float());
}

function drawInputs(model: Graph, float: () => number): Map<string, Tensor> {
  return new Map(
    model.inputs.map(({ name, type: { dtype, shape } }): [string, Tensor] => {
      const sizes = shape.map((dim) => (typeof dim === "number" ? dim : NAMED_SIZE));
      const values = Array.from({ length: sizes.reduce((a, b) => a * b, 1) }, float);
      // Whole inputs are mostly indices: 0 and 1 lie inside whatever they point into.
      const bits = values.map((value) => Math.round(value));
      const data = {
        float32: () => Float32Array.from(values, (value) => 2 * value - 1),
        float64: () => Float64Array.from(values, (value) => 2 * value - 1),
        int64: () => BigInt64Array.from(bits, BigInt),
        int32: () => Int32Array.from(bits),
        int8: () => Int8Array.from(bits),
        uint8: () => Uint8Array.from(bits),
        bool: () => Uint8Array.from(bits),
      }[dtype]();
      return [name, { dtype, shape: sizes, data }];
    }),
  );
}

async function computedGradients(
  built: GradientGraph,
  inputs: ReadonlyMap<string, Tensor>,
): Promise<Gradients> {
  const ort = await loadOrt();
  const session = await openSession(ort, writeModel(built.graph));
  try {
    const feeds = session.inputNames.map((name) => [name, toOrt(ort, assertDefined(inputs.get(name), name))]);
    const results = await runSession(session, Object.fromEntries(feeds));
    return new Map(
      built.gradients.map(({ parameter, gradient }) => [
        parameter.name,
        Float64Array.from(assertDefined(results[gradient], gradient).data as Float32Array), // SAFETY: parameters are float32
      ]),
    );
  } finally {
    await session.release();
  }
}

function againstCase(found: Gradients, expected: ReadonlyMap<string, Tensor>): GradientCheck {
  const largest = Math.max(0, ...[...expected.values()].map(({ data }) => largestOf(data)));
  const errors = [...expected].map(([name, { data }]): [string, number] => {
    const gradient = found.get(name);
    if (gradient?.length !== data.length) {
      throw new CheckError({
        code: "CASE_INVALID",
        why: `the model trains no tensor "${name}" of ${data.length} elements`,
      });
    }
    const error = gradient.reduce((worst, value, i) => worse(worst, Math.abs(value - Number(data[i]))), 0);
    return [name, share(error, Math.max(largestOf(data), FLOOR * largest))];
  });
  return summary(errors, CASE_ERROR_MAX);
}

function againstDifferences(
  built: GradientGraph,
  inputs: ReadonlyMap<string, Tensor>,
  found: Gradients,
  float: () => number,
): GradientCheck {
  const forward = prunedGraph(built.graph, [built.loss]);
  const given = new Map([...inputs].map(([name, tensor]) => [name, referenceOf(tensor)]));
  const lossWith = (name: string, value: ReferenceValue): number => {
    const results = evaluate(forward, new Map([...given, [name, value]]));
    return Number(assertDefined(results.get(built.loss), "the loss").data[0]);
  };
  const largest = Math.max(0, ...[...found.values()].map(normOf));
  const errors = built.gradients.map(({ parameter: { name } }): [string, number] => {
    const weight = assertDefined(built.graph.initializers.get(name), name);
    const gradient = assertDefined(found.get(name), name);
    const direction = Float64Array.from({ length: gradient.length }, () => (float() < 0.5 ? -1 : 1));
    const step = STEP * Math.max(largestOf(weight.data), FLOOR);
    const moved = (by: number) =>
      reals("float32", weight.shape, (i) => Number(weight.data[i]) + by * (direction[i] ?? 0));
    const difference = (lossWith(name, moved(step)) - lossWith(name, moved(-step))) / (2 * step);
    const derivative = gradient.reduce((sum, value, i) => sum + value * (direction[i] ?? 0), 0);
    return [name, share(Math.abs(difference - derivative), Math.max(normOf(gradient), FLOOR * largest))];
  });
  return summary(errors, DIFFERENCE_ERROR_MAX);
}

function summary(errors: readonly (readonly [string, number])[], errorMax: number): GradientCheck {
  const [tensor, worst] = errors.reduce((a, b) => (worse(a[1], b[1]) === a[1] ? a : b), ["", 0]);
  return { worst, tensor, checked: errors.length, passed: errors.length > 0 && worst <= errorMax };
}

/** Of a gradient that is zero and said to be: nothing is wrong. */
function share(error: number, scale: number): number {
  return error === 0 ? 0 : error / scale;
}

/** The larger, and NaN before any number. */
function worse(a: number, b: number): number {
  return Number.isNaN(a) || a >= b ? a : b;
}

function largestOf(data: Tensor["data"]): number {
  let largest = 0;
  for (const value of data) largest = worse(largest, Math.abs(Number(value)));
  return largest;
}

function normOf(data: Float64Array): number {
  return Math.sqrt(data.reduce((sum, value) => sum + value * value, 0));
}
