import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { COMPOSITIONS } from "../src/compose/compose.ts";
import type { Graph } from "../src/graph/graph.ts";
import { inferTypes } from "../src/graph/infer.ts";
import { isOpKind, OPS, type OpKind } from "../src/graph/ops.ts";
import { BACKWARD } from "../src/rules/backward.ts";
import { differentiate } from "../src/rules/differentiate.ts";
import { Emitter } from "../src/rules/emitter.ts";
import { GradientError } from "../src/rules/fault.ts";
import { isComposed, noGradient, stopsGradient } from "../src/rules/rule.ts";
import { CASES } from "./gradients/cases.ts";
import { type Case, gradientErrors, wideningError } from "./gradients/check.ts";
import { type Draw, drawFrom } from "./gradients/draw.ts";
import { f32, node } from "./run-graph.ts";

const RUNS = 20;
const DIFFERENCE_ERROR_MAX = 1e-5;
const ROUNDING_ERROR_MAX = 1e-4;
/** Of constants that are written in float32. */
const WIDENING_ERROR_MAX = 1e-5;

/** That once were wrong: a difference across the bound of a gate; settings that a model leaves out. */
const SEEDS: { readonly [K in OpKind]?: readonly number[] } = { LSTM: [112418713, 2147483647] };

const kinds: readonly OpKind[] = Object.keys(OPS).filter(isOpKind);
const differentiable = kinds.filter((op) => BACKWARD[op] !== stopsGradient && BACKWARD[op] !== noGradient);

test("exactly the operators that have a gradient have a case here", () => {
  const reason = (row: unknown) => (row === stopsGradient || row === noGradient ? row : "a gradient");
  expect(kinds.filter((op) => reason(CASES[op]) !== reason(BACKWARD[op]))).toEqual([]);
});

test("exactly the operators that have no rule of their own are always composed of plain ones", () => {
  const rows: readonly unknown[] = kinds.map((op) => BACKWARD[op]);
  const composed = kinds.filter((_, i) => rows[i] === isComposed);
  expect(composed.filter((op) => COMPOSITIONS[op] === undefined)).toEqual([]);
});

describe("the gradient agrees with a central difference along a random direction", () => {
  test.for(differentiable)("%s", async (op) => {
    // SAFETY: the row of an operator makes cases of that operator.
    const make = CASES[op] as (draw: Draw) => Case<OpKind>;
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 1_000_000 }), async (seed) => {
        const { difference, rounding, isKinked } = await gradientErrors(op, make(drawFrom(seed)), seed);
        fc.pre(!isKinked);
        expect(difference).toBeLessThan(DIFFERENCE_ERROR_MAX);
        expect(rounding).toBeLessThan(ROUNDING_ERROR_MAX);
      }),
      { numRuns: RUNS, examples: (SEEDS[op] ?? []).map((seed): [number] => [seed]) },
    );
  });
});

describe("the gradient is the same where a model computes in float64", () => {
  test.for(differentiable)("%s", (op) => {
    // SAFETY: as above.
    const make = CASES[op] as (draw: Draw) => Case<OpKind>;
    fc.assert(
      fc.property(fc.nat({ max: 1_000_000 }), (seed) => {
        expect(wideningError(op, make(drawFrom(seed)))).toBeLessThan(WIDENING_ERROR_MAX);
      }),
      { numRuns: RUNS / 4 },
    );
  });
});

test("an operator without a gradient names itself, its node and what to do", () => {
  const graph: Graph = {
    name: "normalized",
    inputs: [{ name: "x", type: { dtype: "float32", shape: [2, 3] } }],
    outputs: [],
    initializers: new Map(["s", "b", "m", "v"].map((name) => [name, f32([3], [1, 2, 3])])),
    nodes: [
      node("BatchNormalization", ["x", "s", "b", "m", "v"], ["y"], {
        epsilon: 1e-5,
        momentum: 0.9,
        training_mode: 1,
      }),
    ],
  };
  const emit = new Emitter("gradient");
  const seeds = new Map([["y", emit.constant(f32([2, 3], [1, 1, 1, 1, 1, 1]))]]);
  const statics = { nodes: graph.nodes, types: inferTypes(graph), constants: graph.initializers };
  const differentiating = () => differentiate(statics, seeds, new Set(["x"]), emit);
  expect(differentiating).toThrow(GradientError);
  expect(differentiating).toThrow(/"BatchNormalization:y" \(BatchNormalization\).*replace it in the model/);
});

test("an operator without a gradient beside the path to the loss is no matter", () => {
  const graph: Graph = {
    name: "beside",
    inputs: [{ name: "x", type: { dtype: "float32", shape: [2] } }],
    outputs: [],
    initializers: new Map(),
    nodes: [
      node("ReduceProd", ["x"], ["p"], { keepdims: 0, noop_with_empty_axes: 0 }),
      node("Neg", ["x"], ["y"], {}),
    ],
  };
  const emit = new Emitter("gradient");
  const seeds = new Map([["y", emit.constant(f32([2], [1, 1]))]]);
  const statics = { nodes: graph.nodes, types: inferTypes(graph), constants: graph.initializers };
  expect([...differentiate(statics, seeds, new Set(["x"]), emit).gradients.keys()]).toEqual(["x"]);
});
