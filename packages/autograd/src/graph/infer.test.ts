import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readModel } from "../onnx/reader.ts";
import { runOnnx } from "../onnx/testing/run-onnx.ts";
import { writeModel } from "../onnx/writer.ts";
import { bindDim } from "./dim.ts";
import type { AnyNode, Graph } from "./graph.ts";
import { inferTypes } from "./infer.ts";
import type { OpKind } from "./ops.ts";
import type { Dim, Tensor } from "./tensor.ts";
import { drawCase, OP_KINDS, type OpCase } from "./testing/op-cases.ts";
import { verifyGraph } from "./verify.ts";

const SEEDS_PER_OP = 12;

/** A graph of the one node; `rename` may turn the first size of each input into a name. */
function graphOf(
  op: OpKind,
  drawn: OpCase,
  firstDim: (size: number, input: number) => Dim = (size) => size,
): Graph {
  const outputs = Array.from({ length: drawn.outputs ?? 1 }, (_, i) => `y${i}`);
  const inputs = drawn.inputs.map((input, i) => (input === undefined ? "" : `x${i}`));
  // SAFETY: the case was drawn for this operator.
  const node = { op, name: "node", inputs, outputs, attributes: drawn.attributes } as unknown as AnyNode;
  const graph: Graph = {
    name: op,
    inputs: drawn.inputs.flatMap((input, i) => {
      if (input === undefined || input.isConstant) return [];
      const [first, ...rest] = input.tensor.shape;
      const shape = first === undefined ? [] : [firstDim(first, i), ...rest];
      return [{ name: `x${i}`, type: { dtype: input.tensor.dtype, shape } }];
    }),
    outputs: [],
    initializers: new Map(
      drawn.inputs.flatMap((input, i) => (input?.isConstant ? [[`x${i}`, input.tensor] as const] : [])),
    ),
    nodes: [node],
  };
  const types = inferTypes(graph);
  return {
    ...graph,
    outputs: outputs.map((name) => ({ name, type: types.get(name) ?? { dtype: "float32", shape: [] } })),
  };
}

function feedsOf(drawn: OpCase): Map<string, Tensor> {
  return new Map(
    drawn.inputs.flatMap((input, i) =>
      input === undefined || input.isConstant ? [] : [[`x${i}`, input.tensor] as const],
    ),
  );
}

describe("inference agrees with what ONNX Runtime returns", () => {
  test.each(OP_KINDS)("%s", async (op) => {
    for (let seed = 0; seed < SEEDS_PER_OP; seed++) {
      const drawn = drawCase(op, seed);
      const graph = graphOf(op, drawn);
      verifyGraph(graph);
      const bytes = writeModel(graph);
      expect(readModel(bytes)).toEqual(graph);
      const results = await runOnnx(bytes, feedsOf(drawn));
      for (const { name, type } of graph.outputs) {
        const { dtype, shape } = results.get(name) ?? {};
        expect({ seed, name, dtype, shape }).toEqual({ seed, name, ...type });
      }
    }
  });
});

describe("a named batch", () => {
  test.each(OP_KINDS)("%s has the sizes that the number would give", (op) => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const drawn = drawCase(op, seed);
        const bindings = new Map<string, number>();
        const named = graphOf(op, drawn, (size) => {
          // Sizes that are equal share a name; 1 broadcasts, and stays a number.
          if (size === 1) return 1;
          bindings.set(`size${size}`, size);
          return `size${size}`;
        });
        const numbers = graphOf(op, drawn);
        named.outputs.forEach(({ type }, i) => {
          const bound = type.shape.map((dim) => bindDim(dim, bindings));
          const want = numbers.outputs[i]?.type.shape ?? [];
          expect(bound).toHaveLength(want.length);
          bound.forEach((dim, axis) => {
            // A slice past the end of a named axis is empty; inference takes the axis to be long enough.
            if (typeof dim === "number") expect(Math.max(0, dim)).toBe(want[axis]);
          });
        });
      }),
      { numRuns: 25 },
    );
  });
});
