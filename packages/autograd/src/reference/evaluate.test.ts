import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { AnyNode, Graph } from "../graph/graph.ts";
import { inferTypes } from "../graph/infer.ts";
import type { OpKind } from "../graph/ops.ts";
import type { Tensor } from "../graph/tensor.ts";
import { caseFeeds, caseGraph } from "../graph/testing/case-graph.ts";
import { drawCase, OP_KINDS } from "../graph/testing/op-cases.ts";
import { readModel } from "../onnx/reader.ts";
import { FIXTURE_NAMES, hasFixtures, readFixture } from "../onnx/testing/fixtures.ts";
import { runOnnx } from "../onnx/testing/run-onnx.ts";
import { writeModel } from "../onnx/writer.ts";
import { evaluate } from "./evaluate.ts";
import { EvaluationError } from "./fault.ts";
import { isReals, type ReferenceValue, referenceOf } from "./value.ts";

const RUNS = 16;
/** Of float32 against float64, over the larger of 1 and the largest element. */
const RELATIVE_ERROR_MAX = 2e-5;

function evaluated(graph: Graph, feeds: ReadonlyMap<string, Tensor>): ReadonlyMap<string, ReferenceValue> {
  return evaluate(graph, new Map([...feeds].map(([name, tensor]) => [name, referenceOf(tensor)])));
}

function errorOf(found: ReferenceValue, expected: Tensor): number {
  const wanted = Array.from(expected.data, Number);
  const scale = Math.max(1, ...wanted.filter(Number.isFinite).map(Math.abs));
  const errors = wanted.map((want, i) => {
    const got = Number(found.data[i]);
    return Object.is(got, want) || got === want ? 0 : Math.abs(got - want) / scale;
  });
  return Math.max(0, ...errors);
}

describe("the evaluator agrees with ONNX Runtime", () => {
  test.each<OpKind>(OP_KINDS)("%s", async (op) => {
    const agrees = async (seed: number) => {
      const drawn = drawCase(op, seed);
      fc.pre(op !== "Dropout" || drawn.inputs[2]?.tensor.data[0] !== 1); // drawn by chance
      const graph = caseGraph(op, drawn);
      const feeds = caseFeeds(drawn);
      const found = evaluated(graph, feeds);
      const expected = await runOnnx(writeModel(graph), feeds);
      for (const [name, want] of expected) {
        const got = found.get(name);
        if (got === undefined) throw new Error(`no ${name}`);
        const { dtype, shape } = got;
        expect({ seed, name, dtype, shape }).toEqual({ seed, name, dtype: want.dtype, shape: want.shape });
        if (isReals(got))
          expect(errorOf(got, want), `seed ${seed}, ${name}`).toBeLessThan(RELATIVE_ERROR_MAX);
        else expect(Array.from(got.data), `seed ${seed}, ${name}`).toEqual(Array.from(want.data, BigInt));
      }
    };
    await fc.assert(fc.asyncProperty(fc.nat(), agrees), { numRuns: RUNS });
  });
});

test.skipIf(!hasFixtures).for(FIXTURE_NAMES)("%s evaluates to what PyTorch returned", (name) => {
  const { model, inputs, output } = readFixture(name);
  const y = evaluated(readModel(model), inputs).get("y");
  if (y === undefined) throw new Error("no y");
  expect(errorOf(y, output)).toBeLessThan(RELATIVE_ERROR_MAX);
});

const doubled: Graph = {
  name: "doubled",
  inputs: [{ name: "x", type: { dtype: "int64", shape: ["n"] } }],
  outputs: [{ name: "y", type: { dtype: "int64", shape: ["n"] } }],
  initializers: new Map([["two", { dtype: "int64", shape: [], data: BigInt64Array.of(2n) }]]),
  nodes: [{ op: "Mul", name: "mul", inputs: ["x", "two"], outputs: ["y"], attributes: {} }],
};

const whole = (...values: bigint[]): ReferenceValue => ({
  dtype: "int64",
  shape: [values.length],
  data: BigInt64Array.from(values),
});

test("whole numbers are exact, and wrap as two's complement does", () => {
  const y = evaluate(doubled, new Map([["x", whole(2n ** 53n + 1n, 2n ** 62n)]])).get("y");
  expect(y?.data).toEqual(BigInt64Array.of(2n ** 54n + 2n, -(2n ** 63n)));
});

test("a value given under an initializer's name takes its place", () => {
  const three: ReferenceValue = { dtype: "int64", shape: [], data: BigInt64Array.of(3n) };
  const y = evaluate(
    doubled,
    new Map([
      ["x", whole(7n)],
      ["two", three],
    ]),
  ).get("y");
  expect(y?.data).toEqual(BigInt64Array.of(21n));
});

describe("what has no answer is a fault that says where", () => {
  const faultOf = (run: () => unknown): unknown => {
    try {
      return run();
    } catch (error) {
      if (error instanceof EvaluationError) return error;
      throw error;
    }
  };

  test("INPUT_MISSING", () => {
    expect(faultOf(() => evaluate(doubled, new Map()))).toMatchObject({ code: "INPUT_MISSING" });
  });

  test("INPUT_MISMATCH", () => {
    const x: ReferenceValue = { dtype: "float32", shape: [1], data: Float64Array.of(1) };
    expect(faultOf(() => evaluate(doubled, new Map([["x", x]])))).toMatchObject({
      code: "INPUT_MISMATCH",
      message: expect.stringContaining("float32[1]; the graph wants int64[n]"),
    });
  });

  test("NOT_EVALUATED", () => {
    const divided: Graph = {
      ...doubled,
      nodes: [{ op: "Div", name: "div", inputs: ["two", "x"], outputs: ["y"], attributes: {} }],
    };
    expect(faultOf(() => evaluate(divided, new Map([["x", whole(0n)]])))).toMatchObject({
      code: "NOT_EVALUATED",
      message: expect.stringContaining('"div" (Div)'),
    });
  });

  test.for<readonly [OpKind, number, bigint]>([
    ["SoftmaxCrossEntropyLoss", 3, -1n],
    ["SoftmaxCrossEntropyLoss", 3, 3n],
    ["NegativeLogLikelihoodLoss", 2, 2n],
    ["NegativeLogLikelihoodLoss", 2, -2n],
    ["Gather", 4, 4n],
    ["Gather", 4, -5n],
  ])("GRAPH_FAILED, as a runtime has it: %s among %i of %i", ([op, size, index]) => {
    const shape = op === "Gather" ? [size, 2] : [1, size];
    const x = referenceOf({
      dtype: "float32",
      shape,
      data: new Float32Array(op === "Gather" ? 2 * size : size),
    });
    const attributes = op === "Gather" ? { axis: 0 } : { reduction: "mean" };
    // SAFETY: the attributes are the operator's.
    const node = { op, name: "picks", inputs: ["x", "at"], outputs: ["y"], attributes } as AnyNode;
    const inputs: Graph["inputs"] = [
      { name: "x", type: { dtype: "float32", shape } },
      { name: "at", type: { dtype: "int64", shape: [1] } },
    ];
    const open: Graph = { name: "picking", inputs, outputs: [], initializers: new Map(), nodes: [node] };
    const type = inferTypes(open).get("y") ?? { dtype: "float32", shape: [] };
    const graph: Graph = { ...open, outputs: [{ name: "y", type }] };
    const feeds = new Map([
      ["x", x],
      ["at", whole(index)],
    ]);
    expect(faultOf(() => evaluate(graph, feeds))).toMatchObject({
      code: "GRAPH_FAILED",
      message: expect.stringMatching(
        /"picks".*the index -?\d lies outside the \d there are; most likely a label/,
      ),
    });
  });

  test("NOT_DETERMINED", () => {
    const scalars = new Map<string, Tensor>([
      ["ratio", { dtype: "float32", shape: [], data: Float32Array.of(0.5) }],
      ["training", { dtype: "bool", shape: [], data: Uint8Array.of(1) }],
    ]);
    const dropped: Graph = {
      name: "dropped",
      inputs: [{ name: "x", type: { dtype: "float32", shape: [2] } }],
      outputs: [{ name: "y", type: { dtype: "float32", shape: [2] } }],
      initializers: scalars,
      nodes: [
        { op: "Dropout", name: "drop", inputs: ["x", "ratio", "training"], outputs: ["y"], attributes: {} },
      ],
    };
    const x: ReferenceValue = { dtype: "float32", shape: [2], data: Float64Array.of(1, 2) };
    expect(faultOf(() => evaluate(dropped, new Map([["x", x]])))).toMatchObject({
      code: "NOT_DETERMINED",
      message: expect.stringContaining('"drop" (Dropout)'),
    });
  });
});
