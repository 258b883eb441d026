/** x·σ(x), which exporters write as two nodes, is differentiated as one. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { AnyNode, Graph } from "../src/graph/graph.ts";
import { inferTypes } from "../src/graph/infer.ts";
import { checkGradients } from "../src/reference/check-gradients.ts";
import { differentiate } from "../src/rules/differentiate.ts";
import { Emitter } from "../src/rules/emitter.ts";
import { random } from "./programs.ts";
import { node } from "./run-graph.ts";

const SHAPE = [3, 4];

/** y = Σ of what is read of w·σ(w), of σ(w) beside it, and of w. */
function gated(isSwapped: boolean, readsSigmoid: boolean, readsInput: boolean): Graph {
  const product = isSwapped ? ["s", "z"] : ["z", "s"];
  const nodes: AnyNode[] = [
    node("Mul", ["x", "w"], ["z"], {}),
    node("Sigmoid", ["z"], ["s"], {}),
    node("Mul", product, ["p"], {}),
    node("Sum", ["p", ...(readsSigmoid ? ["s"] : []), ...(readsInput ? ["z"] : [])], ["y"], {}),
  ];
  return {
    name: "gated",
    inputs: [{ name: "x", type: { dtype: "float32", shape: SHAPE } }],
    outputs: [{ name: "y", type: { dtype: "float32", shape: SHAPE } }],
    initializers: new Map([["w", random(3, SHAPE, 4)]]),
    nodes,
  };
}

test("its gradients agree with differences in float64, whoever else reads its parts", async () => {
  await fc.assert(
    fc.asyncProperty(fc.boolean(), fc.boolean(), fc.boolean(), async (...choices) => {
      const result = await checkGradients(gated(...choices));
      expect(result).toMatchObject({ checked: 1, passed: true });
    }),
  );
});

test("the way back reads neither its input nor makes more than four passes", () => {
  const graph = gated(false, false, false);
  const emit = new Emitter("back");
  const seeds = new Map([["p", emit.constant(random(5, SHAPE))]]);
  const statics = { nodes: graph.nodes, types: inferTypes(graph), constants: graph.initializers };
  const { gradients } = differentiate(statics, seeds, new Set(["z"]), emit);
  expect(gradients.has("z")).toBe(true);
  expect(emit.nodes.flatMap(({ inputs }) => inputs)).not.toContain("z");
  expect(emit.nodes).toHaveLength(4);
});
