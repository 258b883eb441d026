import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { i64, node } from "../../test/run-graph.ts";
import { readModel } from "../onnx/reader.ts";
import { runOnnx } from "../onnx/testing/run-onnx.ts";
import { writeModel } from "../onnx/writer.ts";
import { bindDim } from "./dim.ts";
import type { Graph } from "./graph.ts";
import { inferTypes } from "./infer.ts";
import { caseFeeds, caseGraph } from "./testing/case-graph.ts";
import { drawCase, OP_KINDS } from "./testing/op-cases.ts";
import { verifyGraph } from "./verify.ts";

const SEEDS_PER_OP = 12;

describe("inference agrees with what ONNX Runtime returns", () => {
  test.each(OP_KINDS)("%s", async (op) => {
    for (let seed = 0; seed < SEEDS_PER_OP; seed++) {
      const drawn = drawCase(op, seed);
      const graph = caseGraph(op, drawn);
      verifyGraph(graph);
      const bytes = writeModel(graph);
      expect(readModel(bytes)).toEqual(graph);
      const results = await runOnnx(bytes, caseFeeds(drawn));
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
        const named = caseGraph(op, drawn, (size) => {
          // Sizes that are equal share a name; 1 broadcasts, and stays a number.
          if (size === 1) return 1;
          bindings.set(`size${size}`, size);
          return `size${size}`;
        });
        const numbers = caseGraph(op, drawn);
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

test("a wrapping pad is refused where it takes more than its axis holds, and only there", () => {
  const padded = (pads: readonly number[]): Graph => ({
    name: "wrap",
    inputs: [{ name: "x", type: { dtype: "float32", shape: ["batch", 3] } }],
    outputs: [{ name: "y", type: { dtype: "float32", shape: [] } }],
    initializers: new Map([["pads", i64([pads.length], pads)]]),
    nodes: [node("Pad", ["x", "pads"], ["y"], { mode: "wrap" })],
  });
  fc.assert(
    fc.property(fc.nat({ max: 6 }), fc.nat({ max: 6 }), (before, after) => {
      const infer = () => inferTypes(padded([0, before, 0, after])).get("y")?.shape;
      if (before <= 3 && after <= 3) expect(infer()).toEqual(["batch", 3 + before + after]);
      else
        expect(infer).toThrow(/"Pad:y" \(Pad\).*around axis 1 takes more than its 3: pad in several nodes/);
    }),
  );
});
