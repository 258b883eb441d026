import fc from "fast-check";
import { expect, test } from "vitest";
import { executionOrder } from "./execution-order.ts";
import type { AnyNode, Graph } from "./graph.ts";
import { readsOf } from "./reads.ts";

/** Node i is named "n<i>" and reads values of nodes before it, and the graph's input. */
const arbGraph = fc
  .array(fc.array(fc.nat(), { maxLength: 3 }), { minLength: 1, maxLength: 40 })
  .map((reads) => graphOf(reads.map((drawn, i) => drawn.map((k) => (i === 0 ? "x" : `v${k % i}`)))));

function graphOf(inputs: readonly (readonly string[])[]): Graph {
  const nodes = inputs.map((names, i): AnyNode => {
    return { op: "Max", name: `n${i}`, inputs: names, outputs: [`v${i}`], attributes: {} };
  });
  return { name: "g", inputs: [], outputs: [], initializers: new Map(), nodes };
}

test("every node comes once, after all that it reads", () => {
  fc.assert(
    fc.property(arbGraph, (graph) => {
      const order = executionOrder(graph.nodes, readsOf);
      expect(new Set(order)).toEqual(new Set(graph.nodes));
      expect(order).toHaveLength(graph.nodes.length);
      const done = new Set(["x"]);
      for (const { inputs, outputs } of order) {
        expect(inputs.filter((name) => !done.has(name))).toEqual([]);
        for (const name of outputs) done.add(name);
      }
    }),
  );
});

test("what the last leaf needs is run first, the later of two operands before the earlier", () => {
  // v0, v1 → v2 (a leaf); v1 → v3; v0, v3 → v4 (the last leaf)
  const graph = graphOf([["x"], ["x"], ["v0", "v1"], ["v1"], ["v0", "v3"]]);
  expect(executionOrder(graph.nodes, readsOf).map(({ name }) => name)).toEqual([
    "n1",
    "n3",
    "n0",
    "n4",
    "n2",
  ]);
});
