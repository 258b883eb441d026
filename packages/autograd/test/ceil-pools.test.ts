/** Pools with ceil_mode, whatever their strides, in programs for both backends. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { composeGraph } from "../src/compose/compose.ts";
import type { AnyNode, Graph } from "../src/graph/graph.ts";
import { verifyGraph } from "../src/graph/verify.ts";
import { evaluate } from "../src/reference/evaluate.ts";
import { referenceOf } from "../src/reference/value.ts";
import { random } from "./programs.ts";
import { node, runGraph } from "./run-graph.ts";

const arbAxis = fc
  .record({
    size: fc.integer({ min: 4, max: 9 }),
    kernel: fc.integer({ min: 1, max: 3 }),
    stride: fc.integer({ min: 1, max: 4 }),
    begin: fc.integer({ min: 0, max: 2 }),
    end: fc.integer({ min: 0, max: 2 }),
  })
  .map(({ begin, end, ...axis }) => {
    // No pad may be as wide as the kernel.
    return { ...axis, begin: Math.min(begin, axis.kernel - 1), end: Math.min(end, axis.kernel - 1) };
  });
const arbAxes = fc.array(arbAxis, { minLength: 1, maxLength: 2 });

type Axes = readonly { size: number; kernel: number; stride: number; begin: number; end: number }[];

function pooled(op: "MaxPool" | "AveragePool" | "LpPool", axes: Axes, outputs: readonly string[]): Graph {
  const window = {
    kernel_shape: axes.map(({ kernel }) => kernel),
    strides: axes.map(({ stride }) => stride),
    dilations: axes.map(() => 1),
    pads: [...axes.map(({ begin }) => begin), ...axes.map(({ end }) => end)],
    ceil_mode: 1,
  };
  const nodes: Readonly<Record<typeof op, () => AnyNode>> = {
    MaxPool: () => node("MaxPool", ["x"], outputs, { ...window, storage_order: 0 }),
    AveragePool: () => node("AveragePool", ["x"], outputs, { ...window, count_include_pad: 1 }),
    LpPool: () => node("LpPool", ["x"], outputs, { ...window, p: 2 }),
  };
  const shape = [1, 2, ...axes.map(({ size }) => size)];
  const graph: Graph = {
    name: op,
    inputs: [{ name: "x", type: { dtype: "float32", shape } }],
    outputs: [],
    initializers: new Map(),
    nodes: [nodes[op]()],
  };
  const types = verifyGraph(graph);
  return {
    ...graph,
    outputs: outputs.map((name) => ({ name, type: types.get(name) ?? { dtype: "float32", shape } })),
  };
}

describe.each(["native", "wasm"] as const)("%s", (backend) => {
  test.for([
    ["MaxPool", ["y"]],
    ["MaxPool", ["y", "indices"]],
    ["AveragePool", ["y"]],
    ["LpPool", ["y"]],
  ] as const)("%s of %j is what the float64 evaluator finds", async ([op, outputs]) => {
    await fc.assert(
      fc.asyncProperty(arbAxes, fc.nat(), async (axes, seed) => {
        // Where it counts places too, ends cannot be cut off an axis beside one that needs ceil_mode.
        fc.pre(outputs.length === 1 || axes.length === 1);
        const graph = pooled(op, axes, outputs);
        const x = random(seed, graph.inputs[0]?.type.shape.map(Number) ?? []);
        const types = verifyGraph(graph);
        const statics = { nodes: graph.nodes, types, constants: graph.initializers };
        const composed = composeGraph(statics, graph);
        const plain = { ...graph, nodes: composed.nodes, initializers: composed.constants };
        const found = await runGraph(plain, new Map([["x", x]]), backend);
        const expected = evaluate(graph, new Map([["x", referenceOf(x)]]));
        for (const name of outputs) {
          const exact = Array.from(expected.get(name)?.data ?? [], Number);
          const close = Array.from(found.get(name)?.data ?? [], Number);
          expect(close).toHaveLength(exact.length);
          for (const [i, value] of close.entries()) expect(value).toBeCloseTo(exact[i] ?? Number.NaN, 5);
        }
      }),
      { numRuns: 60 },
    );
  });
});
