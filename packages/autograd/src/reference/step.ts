/** What the evaluation of one node sees of it. */
import type { Graph, GraphNode } from "../graph/graph.ts";
import type { OpAttributes, OpKind } from "../graph/ops.ts";
import { isStatic } from "../graph/shape.ts";
import type { DType, TensorType } from "../graph/tensor.ts";
import { EvaluationError } from "./fault.ts";
import { isReals, type Reals, type ReferenceValue, type Wholes } from "./value.ts";

export type Evaluate<K extends OpKind> = (step: Step<K>) => readonly ReferenceValue[];
export type Evaluations<K extends OpKind> = { readonly [P in K]: Evaluate<P> };

export interface StepScope {
  /** undefined: left out. */
  readonly inputs: readonly (ReferenceValue | undefined)[];
  /** As inferred from the inputs; those the node does not list may be missing. */
  readonly types: readonly TensorType[];
  /** A body's outputs for the given inputs; what it reads beyond is in scope. */
  evaluateBody(body: Graph, inputs: readonly ReferenceValue[]): ReferenceValue[];
}

export class Step<K extends OpKind = OpKind> {
  readonly node: GraphNode<K>;
  readonly scope: StepScope;

  constructor(node: GraphNode<K>, scope: StepScope) {
    this.node = node;
    this.scope = scope;
  }

  get attributes(): OpAttributes[K] {
    return this.node.attributes;
  }

  has(i: number): boolean {
    return this.scope.inputs[i] !== undefined;
  }

  x(i = 0): ReferenceValue {
    const value = this.scope.inputs[i];
    if (value === undefined) throw this.refuse(`input ${i} is missing`);
    return value;
  }

  all(): ReferenceValue[] {
    return this.node.inputs.map((_, i) => this.x(i));
  }

  reals(i = 0): Reals {
    const value = this.x(i);
    if (!isReals(value)) throw this.refuse(`input ${i} is ${value.dtype}; it must be real`);
    return value;
  }

  wholes(i = 0): Wholes {
    const value = this.x(i);
    if (isReals(value)) throw this.refuse(`input ${i} is ${value.dtype}; it must be whole`);
    return value;
  }

  /** Elements as JavaScript numbers. */
  numbers(i: number): number[] {
    return Array.from(this.x(i).data, Number);
  }

  /** Of output i. */
  shape(i = 0): readonly number[] {
    const shape = this.#type(i).shape;
    if (!isStatic(shape)) throw this.refuse(`the shape [${shape.join(", ")}] of output ${i} stays open`);
    return shape;
  }

  dtype(i = 0): DType {
    return this.#type(i).dtype;
  }

  axis(axis: number, rank = this.x().shape.length): number {
    return axis < 0 ? axis + rank : axis;
  }

  /** An index, counted from the end where it is negative. @throws {EvaluationError} GRAPH_FAILED where there is none */
  place(index: number, size: number): number {
    return index < 0 && index >= -size ? index + size : this.placeFromStart(index, size);
  }

  /** @throws {EvaluationError} GRAPH_FAILED */
  placeFromStart(index: number, size: number): number {
    if (index >= 0 && index < size) return index;
    const why = `the index ${index} lies outside the ${size} there are`;
    throw new EvaluationError({ code: "GRAPH_FAILED", op: this.node.op, node: this.node.name, why });
  }

  refuse(why: string): EvaluationError {
    return new EvaluationError({ code: "NOT_EVALUATED", op: this.node.op, node: this.node.name, why });
  }

  #type(i: number): TensorType {
    const type = this.scope.types[i];
    if (type === undefined) throw this.refuse(`it has no output ${i}`);
    return type;
  }
}
