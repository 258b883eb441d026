/**
 * The engine's one intermediate form: an ONNX graph, brought to one opset and with every default filled in.
 *
 * Operators and attributes keep their ONNX names and their meaning as of CANONICAL_OPSET; onnx/ lifts
 * older models to it. Graphs are immutable: a pass returns a new one.
 */
import type { OpAttributes, OpKind } from "./ops.ts";
import type { HalfType, Tensor, TensorType } from "./tensor.ts";

/** What we read into and write out; stock ONNX Runtime 1.30 runs it. */
export const CANONICAL_OPSET = 21;

export interface GraphValue {
  readonly name: string;
  readonly type: TensorType;
}

/** "" among the inputs or outputs stands for an optional one left out. */
export interface GraphNode<K extends OpKind = OpKind> {
  readonly op: K;
  /** Unique in its graph; made up by the reader where the model has none. */
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: OpAttributes[K];
}

/** A node of any operator: a union over the op set, so that a switch on `op` narrows `attributes`. */
export type AnyNode = { [K in OpKind]: GraphNode<K> }[OpKind];

export interface Graph {
  readonly name: string;
  /** Without the initializers. */
  readonly inputs: readonly GraphValue[];
  readonly outputs: readonly GraphValue[];
  /** Parameters and constants. */
  readonly initializers: ReadonlyMap<string, Tensor>;
  /**
   * The initializers that belong to the arithmetic: what the file keeps in Constant nodes, and what a pass or the
   * builder made up. The rest is the model's own state, which training may change. Absent where there are none.
   */
  readonly constants?: ReadonlySet<string>;
  /** In topological order. */
  readonly nodes: readonly AnyNode[];
  /**
   * The inputs, outputs and initializers that the file holds in 16 bits. Here all are float32, and so is what is computed
   * of them; written out, they are again what they were. Absent where there are none.
   */
  readonly halves?: ReadonlyMap<string, HalfType>;
}

/** Types of every value of a graph, from shape inference: inputs, initializers, node outputs. */
export type TypeByValue = ReadonlyMap<string, TensorType>;
