/** What an inference rule sees of the node it types, and how it complains. */

import type { MaybeDim } from "../dim.ts";
import { GraphError, showShape } from "../fault.ts";
import type { Graph, GraphNode } from "../graph.ts";
import type { KnownTensor } from "../known.ts";
import type { OpAttributes, OpKind } from "../ops.ts";
import { broadcastShapes, normalizeAxis, unifyDims } from "../shape.ts";
import type { Dim, DType, Shape, TensorType } from "../tensor.ts";

/** What is known so far; grows node by node. */
export interface Inference {
  readonly types: Map<string, TensorType>;
  readonly known: Map<string, KnownTensor>;
  /** Types of a body's outputs when its inputs have the given types; what it reads beyond is in scope. */
  inferBody(body: Graph, inputs: readonly TensorType[]): TensorType[];
}

export type InferRule<K extends OpKind> = (site: Site<K>) => readonly TensorType[];
export type Rules<K extends OpKind> = { readonly [Op in K]: InferRule<Op> };

export const FLOATS: readonly DType[] = ["float32", "float64"];
export const NUMBERS: readonly DType[] = ["float32", "float64", "int64", "int32", "int8", "uint8"];
export const INDICES: readonly DType[] = ["int64", "int32"];
export const BOOLS: readonly DType[] = ["bool"];

export class Site<K extends OpKind = OpKind> {
  readonly node: GraphNode<K>;
  readonly inference: Inference;
  #fresh = 0;

  constructor(node: GraphNode<K>, inference: Inference) {
    this.node = node;
    this.inference = inference;
  }

  get attributes(): OpAttributes[K] {
    return this.node.attributes;
  }

  has(index: number): boolean {
    return (this.node.inputs[index] ?? "") !== "";
  }

  /** The type of an input; one left out is a fault. */
  input(index: number, allowed?: readonly DType[]): TensorType {
    const name = this.node.inputs[index] ?? "";
    if (name === "") throw this.illegal(`input ${index} is missing`);
    const type = this.inference.types.get(name);
    if (type === undefined) throw this.illegal(`it reads "${name}", which nothing before it makes`);
    if (allowed !== undefined && !allowed.includes(type.dtype)) {
      throw this.dtype(`input ${index} ("${name}") is ${type.dtype}; it must be ${allowed.join(" or ")}`);
    }
    return type;
  }

  inputs(allowed?: readonly DType[]): TensorType[] {
    return this.node.inputs.map((_, i) => this.input(i, allowed));
  }

  /** The elements of an input where they are known before the run; each may be a name or unknown. */
  known(index: number): KnownTensor | undefined {
    const name = this.node.inputs[index] ?? "";
    return name === "" ? undefined : this.inference.known.get(name);
  }

  /** Known whole numbers of a 1-D (or scalar) input. */
  knownInts(index: number): readonly number[] | undefined {
    const elements = this.known(index)?.elements;
    return elements?.every((element) => typeof element === "number") ? elements : undefined;
  }

  /** A size of its own name, the same in every run over the same graph. */
  fresh = (): Dim => `${this.node.outputs.find((name) => name !== "") ?? this.node.name}:${this.#fresh++}`;

  dimOr(dim: MaybeDim): Dim {
    return dim ?? this.fresh();
  }

  axis(axis: number, rank: number): number {
    const normal = normalizeAxis(axis, rank);
    if (normal === undefined) throw this.attribute(`axis ${axis} is outside the ${rank} axes there are`);
    return normal;
  }

  axes(axes: readonly number[], rank: number): number[] {
    const normal = axes.map((axis) => this.axis(axis, rank));
    if (new Set(normal).size !== normal.length) throw this.attribute(`axes [${axes.join(", ")}] repeat one`);
    return normal;
  }

  rank(index: number, rank: number): TensorType {
    const type = this.input(index);
    if (type.shape.length !== rank) {
      throw this.shape(
        `input ${index} ${showShape(type.shape)} must have ${rank} ${rank === 1 ? "axis" : "axes"}`,
      );
    }
    return type;
  }

  unify(a: Dim, b: Dim, what: string): Dim {
    const dim = unifyDims(a, b);
    if (dim === undefined) throw this.shape(`${what}: ${a} against ${b}`);
    return dim;
  }

  sameDType(types: readonly TensorType[]): DType {
    const [first] = types;
    if (first === undefined) throw this.illegal("it has no inputs");
    const other = types.find((type) => type.dtype !== first.dtype);
    if (other !== undefined) throw this.dtype(`${first.dtype} meets ${other.dtype}; insert a Cast`);
    return first.dtype;
  }

  broadcast(types: readonly TensorType[]): Shape {
    const shapes = types.map((type) => type.shape);
    const shape = broadcastShapes(shapes, this.fresh);
    if (shape === undefined) throw this.shape(`${shapes.map(showShape).join(" and ")} do not broadcast`);
    return shape;
  }

  shape(why: string): GraphError {
    return new GraphError({ code: "SHAPE_MISMATCH", op: this.node.op, node: this.node.name, why });
  }

  dtype(why: string): GraphError {
    return new GraphError({ code: "DTYPE_MISMATCH", op: this.node.op, node: this.node.name, why });
  }

  attribute(why: string): GraphError {
    return new GraphError({ code: "ATTRIBUTE_INVALID", op: this.node.op, node: this.node.name, why });
  }

  illegal(why: string): GraphError {
    return new GraphError({ code: "NODE_ILLEGAL", op: this.node.op, node: this.node.name, why });
  }
}
