import { describe, expect, test } from "vitest";
import { GraphError } from "./fault.ts";
import type { AnyNode, Graph } from "./graph.ts";
import { verifyGraph } from "./verify.ts";

const relu: AnyNode = { op: "Relu", name: "relu", inputs: ["x"], outputs: ["y"], attributes: {} };
const type = { dtype: "float32", shape: ["batch", 3] } as const;
const legal: Graph = {
  name: "legal",
  inputs: [{ name: "x", type }],
  outputs: [{ name: "y", type }],
  initializers: new Map([["w", { dtype: "float32", shape: [3, 4], data: new Float32Array(12) }]]),
  nodes: [relu],
};

function faultOf(graph: Partial<Graph>): GraphError {
  try {
    verifyGraph({ ...legal, ...graph });
  } catch (error) {
    if (error instanceof GraphError) return error;
    throw error;
  }
  throw new Error("the graph was legal");
}

describe("verifyGraph", () => {
  test("types every value of a legal graph", () => {
    expect([...verifyGraph(legal).keys()]).toEqual(["x", "w", "y"]);
  });

  test.each<readonly [string, Partial<Graph>, RegExp]>([
    ["GRAPH_ILLEGAL", { nodes: [relu, { ...relu, name: "again" }] }, /"y", which is taken/],
    ["GRAPH_ILLEGAL", { nodes: [relu, { ...relu, outputs: ["z"] }] }, /two nodes are named "relu"/],
    ["GRAPH_ILLEGAL", { outputs: [{ name: "z", type }] }, /nothing makes the output "z"/],
    [
      "GRAPH_ILLEGAL",
      { outputs: [{ name: "y", type: { dtype: "int64", shape: [1] } }] },
      /declared as int64 of 1 axes/,
    ],
    ["GRAPH_ILLEGAL", { inputs: [...legal.inputs, { name: "w", type }] }, /"w", which is taken/],
    ["NODE_ILLEGAL", { nodes: [{ ...relu, inputs: ["later"] }] }, /"relu" \(Relu\).*reads "later"/],
    ["NODE_ILLEGAL", { nodes: [{ ...relu, inputs: [""] }] }, /left out/],
    ["NODE_ILLEGAL", { nodes: [{ ...relu, outputs: ["y", "z"] }] }, /2 outputs/],
    [
      "ATTRIBUTE_INVALID",
      {
        nodes: [
          { ...relu, op: "Gelu", attributes: { approximate: "none" } },
          { op: "Concat", name: "c", inputs: ["x"], outputs: ["z"], attributes: { axis: 5 } },
        ],
      },
      /"c" \(Concat\).*axis 5/,
    ],
    [
      "ATTRIBUTE_INVALID",
      { nodes: [{ op: "Concat", name: "c", inputs: ["x"], outputs: ["y"], attributes: { axis: 0.5 } }] },
      /axis cannot be "0.5"/,
    ],
    [
      "SHAPE_MISMATCH",
      {
        nodes: [
          { op: "MatMul", name: "m", inputs: ["w", "x"], outputs: ["y"], attributes: {} },
          { op: "MatMul", name: "n", inputs: ["w", "w"], outputs: ["z"], attributes: {} },
        ],
      },
      /"n" \(MatMul\).*\[3, 4\] and \[3, 4\]/,
    ],
    [
      "DTYPE_MISMATCH",
      { nodes: [{ op: "And", name: "and", inputs: ["x", "x"], outputs: ["y"], attributes: {} }] },
      /"and" \(And\).*float32; it must be bool/,
    ],
  ])("%s names the node and says why (%#)", (code, graph, sentence) => {
    const fault = faultOf(graph);
    expect(fault.message).toMatch(sentence);
    expect(fault.code).toBe(code);
  });
});
