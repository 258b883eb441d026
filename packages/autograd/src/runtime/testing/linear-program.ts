/**
 * Softmax regression with plain gradient descent, written out by hand: a program whose every number a test
 * can compute. Adam's moments pass through; the statistic adds up the step numbers.
 */
import type { AnyNode, Graph, GraphNode, GraphValue } from "../../graph/graph.ts";
import type { OpAttributes, OpKind } from "../../graph/ops.ts";
import type { DType, Shape, Tensor } from "../../graph/tensor.ts";
import { writeModel } from "../../onnx/writer.ts";
import type { ProgramSignature } from "../../program/signature.ts";
import type { RuntimeProgram } from "../trainer.ts";

export interface LinearSizes {
  readonly features: number;
  readonly classes: number;
  readonly batchSize: number;
}

const STATE = ["w/0", "m/0", "v/0", "w/1", "m/1", "v/1", "s/2"] as const;

export function linearSignature({ features, classes, batchSize }: LinearSizes): ProgramSignature {
  return {
    parameters: [
      { name: "weight", shape: [features, classes], kind: "trained", slots: ["m", "v"] },
      { name: "bias", shape: [classes], kind: "trained", slots: ["m", "v"] },
      { name: "stepSum", shape: [1], kind: "statistic" },
    ],
    fields: [
      { name: "x", dtype: "float32", rowShape: [features] },
      { name: "y", dtype: "int64", rowShape: [] },
    ],
    target: "y",
    batchSize,
  };
}

export function linearTrainProgram(sizes: LinearSizes): RuntimeProgram {
  const { batchSize } = sizes;
  const state = STATE.map((name) => value(name, "float32", stateShape(name, sizes)));
  const graph: Graph = {
    name: "linear_train",
    inputs: [
      ...state,
      ...fieldValues(sizes),
      value("indices", "int64", ["steps", batchSize]),
      value("learningRate", "float32", ["steps"]),
      value("step", "float32", ["steps"]),
      value("stop", "int64", []),
    ],
    outputs: [
      ...state.map(({ name, type }) => ({ name: `${name}/next`, type })),
      value("loss", "float32", ["steps"]),
    ],
    initializers: new Map(),
    nodes: [
      {
        op: "Scan",
        name: "steps",
        inputs: [...STATE, "indices", "learningRate", "step"],
        outputs: [...STATE.map((name) => `${name}/next`), "loss"],
        attributes: { body: stepGraph(sizes), num_scan_inputs: 3 },
      },
    ],
  };
  return { graph: writeModel(graph), signature: linearSignature(sizes) };
}

export function linearEvaluationProgram(sizes: LinearSizes): RuntimeProgram {
  const graph: Graph = {
    name: "linear_evaluation",
    inputs: [
      value("w/0", "float32", [sizes.features, sizes.classes]),
      value("w/1", "float32", [sizes.classes]),
      value("s/2", "float32", [1]),
      ...fieldValues(sizes),
    ],
    outputs: [value("lossSum", "float32", []), value("correct", "int64", []), value("count", "int64", [])],
    initializers: constants(sizes),
    nodes: [
      node("MatMul", ["field/x", "w/0"], "xw", {}),
      node("Add", ["xw", "w/1"], "logits", {}),
      node("LogSoftmax", ["logits"], "logp", { axis: -1 }),
      node("OneHot", ["field/y", "depth", "off_on"], "onehot", { axis: -1 }),
      node("Mul", ["logp", "onehot"], "picked", {}),
      reduceSum("picked", "", "picked_sum"),
      node("Neg", ["picked_sum"], "lossSum", {}),
      node("ArgMax", ["logits"], "best", { axis: -1, keepdims: 0, select_last_index: 0 }),
      node("Equal", ["best", "field/y"], "hit", {}),
      node("Cast", ["hit"], "hits", { to: "int64" }),
      reduceSum("hits", "", "correct"),
      node("Size", ["field/y"], "count", {}),
    ],
  };
  return { graph: writeModel(graph), signature: linearSignature(sizes) };
}

function stepGraph(sizes: LinearSizes): Graph {
  const inner = (name: string): string => `in/${name}`;
  const state = STATE.map((name) => value(inner(name), "float32", stateShape(name, sizes)));
  return {
    name: "step",
    inputs: [
      ...state,
      value("rows", "int64", [sizes.batchSize]),
      value("rate", "float32", []),
      value("number", "float32", []),
    ],
    outputs: [
      ...STATE.map((name) => value(`out/${name}`, "float32", stateShape(name, sizes))),
      value("out/loss", "float32", []),
    ],
    initializers: constants(sizes),
    nodes: [
      node("Add", ["rows", "stop"], "asked", {}),
      node("Gather", ["field/x", "asked"], "x", { axis: 0 }),
      node("Gather", ["field/y", "asked"], "y", { axis: 0 }),
      node("MatMul", ["x", "in/w/0"], "xw", {}),
      node("Add", ["xw", "in/w/1"], "logits", {}),
      node("LogSoftmax", ["logits"], "logp", { axis: -1 }),
      node("Exp", ["logp"], "p", {}),
      node("OneHot", ["y", "depth", "off_on"], "onehot", { axis: -1 }),
      node("Mul", ["logp", "onehot"], "picked", {}),
      reduceSum("picked", "", "picked_sum"),
      node("Neg", ["picked_sum"], "loss_sum", {}),
      node("Div", ["loss_sum", "batch"], "out/loss", {}),
      node("Sub", ["p", "onehot"], "dlogits_sum", {}),
      node("Div", ["dlogits_sum", "batch"], "dlogits", {}),
      node("Transpose", ["x"], "x_t", { perm: [1, 0] }),
      node("MatMul", ["x_t", "dlogits"], "dw", {}),
      reduceSum("dlogits", "axis_0", "db"),
      ...descend("0", "dw"),
      ...descend("1", "db"),
      node("Add", ["in/s/2", "number"], "out/s/2", {}),
    ],
  };
}

function descend(index: string, gradient: string): readonly AnyNode[] {
  return [
    node("Mul", [gradient, "rate"], `change/${index}`, {}),
    node("Sub", [`in/w/${index}`, `change/${index}`], `out/w/${index}`, {}),
    node("Identity", [`in/m/${index}`], `out/m/${index}`, {}),
    node("Identity", [`in/v/${index}`], `out/v/${index}`, {}),
  ];
}

function stateShape(name: (typeof STATE)[number], { features, classes }: LinearSizes): Shape {
  if (name === "s/2") return [1];
  return name.endsWith("0") ? [features, classes] : [classes];
}

function fieldValues({ features }: LinearSizes): readonly GraphValue[] {
  return [value("field/x", "float32", ["n", features]), value("field/y", "int64", ["n"])];
}

function constants({ classes, batchSize }: LinearSizes): ReadonlyMap<string, Tensor> {
  return new Map<string, Tensor>([
    ["depth", { dtype: "int64", shape: [], data: BigInt64Array.of(BigInt(classes)) }],
    ["off_on", { dtype: "float32", shape: [2], data: Float32Array.of(0, 1) }],
    ["batch", { dtype: "float32", shape: [], data: Float32Array.of(batchSize) }],
    ["axis_0", { dtype: "int64", shape: [1], data: BigInt64Array.of(0n) }],
  ]);
}

function value(name: string, dtype: DType, shape: Shape): GraphValue {
  return { name, type: { dtype, shape } };
}

function node<K extends OpKind>(
  op: K,
  inputs: readonly string[],
  output: string,
  attributes: OpAttributes[K],
): GraphNode<K> {
  return { op, name: `make_${output}`, inputs, outputs: [output], attributes };
}

function reduceSum(input: string, axes: string, output: string): GraphNode<"ReduceSum"> {
  return node("ReduceSum", axes === "" ? [input] : [input, axes], output, {
    keepdims: 0,
    noop_with_empty_axes: 0,
  });
}
