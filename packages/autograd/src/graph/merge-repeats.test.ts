import fc from "fast-check";
import { expect, test } from "vitest";
import { evaluate } from "../reference/evaluate.ts";
import { referenceOf } from "../reference/value.ts";
import type { AnyNode, Graph } from "./graph.ts";
import { mergeRepeats } from "./merge-repeats.ts";
import type { TensorType } from "./tensor.ts";

const TYPE: TensorType = { dtype: "float32", shape: [2] };
const OPS = ["Add", "Max", "Mul"] as const;

/** Sums, products and larger ones of values before; few enough that the same is often computed twice. */
const arbGraph = fc
  .array(fc.tuple(fc.constantFrom(...OPS), fc.nat(), fc.nat()), { minLength: 1, maxLength: 12 })
  .map((drawn): Graph => {
    const names = ["x", "y"];
    const nodes = drawn.map(([op, a, b], i): AnyNode => {
      const inputs = [a, b].map((k) => names[k % Math.min(names.length, 4)] ?? "x");
      names.push(`v${i}`);
      return { op, name: `n${i}`, inputs, outputs: [`v${i}`], attributes: {} };
    });
    const inputs = ["x", "y"].map((name) => ({ name, type: TYPE }));
    const outputs = [0, drawn.length - 1].map((i) => ({ name: `v${i}`, type: TYPE }));
    return { name: "g", inputs, outputs, initializers: new Map(), nodes };
  });

test("the outputs stay what they were, and nothing is computed twice", () => {
  const feeds = new Map([
    ["x", referenceOf({ dtype: "float32", shape: [2], data: Float32Array.of(0.5, -1.5) })],
    ["y", referenceOf({ dtype: "float32", shape: [2], data: Float32Array.of(2, 0.25) })],
  ]);
  fc.assert(
    fc.property(arbGraph, (graph) => {
      const merged = mergeRepeats(graph);
      const [before, after] = [evaluate(graph, feeds), evaluate(merged, feeds)];
      for (const { name } of graph.outputs) expect(after.get(name)).toEqual(before.get(name));
      const given = new Set(graph.outputs.map(({ name }) => name));
      const inner = merged.nodes.filter(({ outputs }) => !outputs.some((name) => given.has(name)));
      expect(new Set(inner.map(({ op, inputs }) => [op, ...inputs].join())).size).toBe(inner.length);
    }),
  );
});

test("what a body reads from around it stays there, and a body is merged as well", () => {
  const feeds = new Map([
    ["x", referenceOf({ dtype: "float32", shape: [2], data: Float32Array.of(0.5, 2) })],
  ]);
  const twice = (input: string, outputs: readonly string[]) =>
    outputs.map((output): AnyNode => {
      return { op: "Add", name: output, inputs: [input, input], outputs: [output], attributes: {} };
    });
  const body: Graph = {
    name: "body",
    inputs: [{ name: "row", type: { dtype: "float32", shape: [] } }],
    outputs: [{ name: "made", type: TYPE }],
    initializers: new Map(),
    nodes: [
      ...twice("b", ["c", "d"]),
      { op: "Mul", name: "product", inputs: ["c", "d"], outputs: ["e"], attributes: {} },
      { op: "Mul", name: "made", inputs: ["e", "row"], outputs: ["made"], attributes: {} },
    ],
  };
  const graph: Graph = {
    name: "g",
    inputs: [{ name: "x", type: TYPE }],
    outputs: [{ name: "y", type: { dtype: "float32", shape: [2, 2] } }],
    initializers: new Map(),
    nodes: [
      ...twice("x", ["a", "b"]),
      { op: "Scan", name: "scan", inputs: ["a"], outputs: ["y"], attributes: { body, num_scan_inputs: 1 } },
    ],
  };
  const merged = mergeRepeats(graph);
  expect(evaluate(merged, feeds).get("y")).toEqual(evaluate(graph, feeds).get("y"));
  const inner = merged.nodes.flatMap((node) => (node.op === "Scan" ? node.attributes.body.nodes : []));
  expect(inner).toHaveLength(3);
});
