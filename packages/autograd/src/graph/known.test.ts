import { describe, expect, test } from "vitest";
import { evaluate } from "../reference/evaluate.ts";
import type { Graph } from "./graph.ts";
import { inferNode, startInference } from "./infer.ts";
import { isOpKind } from "./ops.ts";
import type { Tensor } from "./tensor.ts";
import { caseGraph } from "./testing/case-graph.ts";
import { drawCase, OP_KINDS } from "./testing/op-cases.ts";

const SEEDS_PER_OP = 20;

function knownAfter(graph: Graph) {
  const inference = startInference(graph);
  for (const node of graph.nodes) inferNode(node, inference);
  return inference.known;
}

describe("what is known before the run is what the run finds", () => {
  test.each(OP_KINDS)("%s", (op) => {
    for (let seed = 0; seed < SEEDS_PER_OP; seed++) {
      const drawn = drawCase(op, seed);
      if (op === "Dropout") continue; // a training one draws by chance
      const inputs = drawn.inputs.map((input) => input && { ...input, isConstant: true });
      const graph = caseGraph(op, { ...drawn, inputs });
      const found = evaluate(graph, new Map());
      for (const [name, known] of knownAfter(graph)) {
        const value = found.get(name);
        if (value === undefined) continue; // an input
        expect({ seed, shape: known.shape }).toEqual({ seed, shape: value.shape });
        for (const [i, element] of known.elements.entries())
          if (element !== undefined)
            expect(element, `seed ${seed}, ${i}`).toBeCloseTo(Number(value.data[i]), 5);
      }
    }
  });
});

const floats = (shape: readonly number[], ...values: number[]): Tensor => {
  return { dtype: "float32", shape, data: Float32Array.from(values) };
};
const whole = (...values: readonly number[]): Tensor => {
  return { dtype: "int64", shape: [values.length], data: BigInt64Array.from(values, BigInt) };
};

/** One node after another; each reads what its line names. */
function chain(
  initializers: Readonly<Record<string, Tensor>>,
  lines: readonly (readonly [string, readonly string[], string, object?])[],
  constants: readonly string[] = Object.keys(initializers),
): Graph {
  const nodes = lines.map(([op, inputs, output, attributes = {}]) => {
    if (!isOpKind(op)) throw new Error(op);
    // SAFETY: the lines of these tests are nodes of their operators.
    return { op, name: output, inputs, outputs: [output], attributes } as unknown as Graph["nodes"][number];
  });
  return {
    name: "chain",
    inputs: [],
    outputs: [],
    initializers: new Map(Object.entries(initializers)),
    nodes,
    constants: new Set(constants),
  };
}

test("the pads that PyTorch turns round, as it writes them", () => {
  const known = knownAfter(
    chain(
      {
        pads: whole(1, 2, 3, 4),
        pairs: whole(-1, 2),
        from: whole(-1),
        to: whole(-Number.MAX_SAFE_INTEGER),
        axis: whole(0),
        step: whole(-1),
        row: whole(-1),
        four: whole(4),
      },
      [
        ["ConstantOfShape", ["four"], "zeros", { value: whole(0) }],
        ["Concat", ["pads", "zeros"], "all", { axis: 0 }],
        ["Reshape", ["all", "pairs"], "paired", { allowzero: 0 }],
        ["Slice", ["paired", "from", "to", "axis", "step"], "turned"],
        ["Transpose", ["turned"], "sides", { perm: [1, 0] }],
        ["Reshape", ["sides", "row"], "result", { allowzero: 0 }],
      ],
    ),
  );
  expect(known.get("result")?.elements).toEqual([0, 0, 3, 1, 0, 0, 4, 2]);
});

test("what is made of a weight is learned, but for its size", () => {
  const known = knownAfter(
    chain(
      { weight: floats([2], 1, -1), zero: floats([], 0) },
      [
        ["Greater", ["weight", "zero"], "mask"],
        ["Cast", ["mask"], "bits", { to: "int64" }],
        ["Shape", ["weight"], "size", { start: 0 }],
        ["Neg", ["zero"], "constant"],
      ],
      ["zero"],
    ),
  );
  const isLearned = ["weight", "mask", "bits", "size", "constant"].map((name) => known.get(name)?.isLearned);
  expect(isLearned).toEqual([true, true, true, false, false]);
});
