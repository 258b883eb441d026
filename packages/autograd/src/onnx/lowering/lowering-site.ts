/** What the lowering of a fused operator sees of its node, and how it writes plain nodes in its place. */
import type { OpAttributes, OpKind } from "../../graph/ops.ts";
import { sizeOfShape } from "../../graph/shape.ts";
import type { Dim, DType, Shape, Tensor, TensorType } from "../../graph/tensor.ts";
import { ModelError } from "../fault.ts";
import type { AttributeProto } from "../onnx_pb.ts";

/** The graph being read, as far as a lowering may touch it. */
export interface LoweringScope {
  typeOf(name: string): TensorType | undefined;
  /** Whole numbers of a constant, where they are known. */
  knownInts(name: string): readonly number[] | undefined;
  /** Adds a node of one output, types it and returns the output's name. */
  emit<K extends OpKind>(op: K, inputs: readonly string[], attributes: OpAttributes[K]): string;
  /** Adds a node of the standard domain as a file would hold it: defaults are filled in, attributes derived. */
  emitStandard(op: string, inputs: readonly string[], attributes: readonly AttributeProto[]): string;
  /** Adds an initializer: one that training may change, or a constant. */
  addTensor(name: string, tensor: Tensor, role: "parameter" | "constant"): string;
}

/** Names of the values that take the place of the node's outputs; undefined: not made here. */
export type Lowering = (site: LoweringSite) => readonly (string | undefined)[];

export interface FusedNode {
  readonly op: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, AttributeProto>;
}

export class LoweringSite {
  readonly node: FusedNode;
  readonly #scope: LoweringScope;
  readonly #left: Map<string, AttributeProto>;

  constructor(node: FusedNode, scope: LoweringScope) {
    this.node = node;
    this.#scope = scope;
    this.#left = new Map(node.attributes);
  }

  has(i: number): boolean {
    return (this.node.inputs[i] ?? "") !== "";
  }

  /** The name of input i. */
  input(i = 0): string {
    const name = this.node.inputs[i] ?? "";
    if (name === "") throw this.illegal(`input ${i} is missing`);
    return name;
  }

  /** Input i, or undefined where it is left out. */
  optional(i: number): string | undefined {
    return this.has(i) ? this.input(i) : undefined;
  }

  /** Whether the model reads output i. */
  makes(i: number): boolean {
    return (this.node.outputs[i] ?? "") !== "";
  }

  typeOf(name: string): TensorType {
    const type = this.#scope.typeOf(name);
    if (type === undefined) throw this.illegal(`"${name}" has no type`);
    return type;
  }

  shapeOf(name: string): Shape {
    return this.typeOf(name).shape;
  }

  rankOf(name: string): number {
    return this.shapeOf(name).length;
  }

  /** A size that must be a number. */
  sizeOf(name: string, axis: number): number {
    const dim: Dim | undefined = this.shapeOf(name).at(axis);
    if (typeof dim !== "number")
      throw this.refuse(`the size of axis ${axis} of "${name}" must be known: fix it in the export`);
    return dim;
  }

  knownInts(name: string): readonly number[] | undefined {
    return this.#scope.knownInts(name);
  }

  // Attributes: each is taken; what nobody took is refused by `finish`.

  int(name: string, fallback: number): number {
    const value = this.#take(name)?.i;
    return value === undefined ? fallback : Number(value);
  }

  float(name: string, fallback: number): number {
    return this.#take(name)?.f ?? fallback;
  }

  text(name: string, fallback: string): string {
    const bytes = this.#take(name)?.s;
    return bytes === undefined ? fallback : new TextDecoder().decode(bytes);
  }

  floats(name: string): readonly number[] | undefined {
    return this.#take(name)?.floats;
  }

  ints(name: string): readonly number[] | undefined {
    return this.#take(name)?.ints.map(Number);
  }

  strings(name: string): readonly string[] | undefined {
    return this.#take(name)?.strings.map((bytes) => new TextDecoder().decode(bytes));
  }

  /** Attributes that only steer how a kernel runs. */
  ignore(...names: readonly string[]): void {
    for (const name of names) this.#take(name);
  }

  /** All attributes not taken yet, for a standard node that knows them. */
  rest(): readonly AttributeProto[] {
    const rest = [...this.#left.values()];
    this.#left.clear();
    return rest;
  }

  /** @throws {ModelError} when an attribute was not taken */
  finish(): void {
    const [unknown] = this.#left.keys();
    if (unknown !== undefined) throw this.refuse(`the attribute ${unknown} is not known`);
  }

  // Nodes

  emit<K extends OpKind>(
    op: K,
    inputs: readonly (string | undefined)[],
    attributes: OpAttributes[K],
  ): string {
    return this.#scope.emit(op, listed(inputs), attributes);
  }

  standard(
    op: string,
    inputs: readonly (string | undefined)[],
    attributes: readonly AttributeProto[] = [],
  ): string {
    return this.#scope.emitStandard(op, listed(inputs), attributes);
  }

  add(a: string, b: string): string {
    return this.emit("Add", [a, b], {});
  }

  mul(a: string, b: string): string {
    return this.emit("Mul", [a, b], {});
  }

  /** x · factor */
  scale(x: string, factor: number): string {
    return factor === 1 ? x : this.mul(x, this.scalar(factor, x));
  }

  reshape(x: string, target: readonly number[]): string {
    return this.emit("Reshape", [x, this.integers(target)], { allowzero: 0 });
  }

  transpose(x: string, perm: readonly number[]): string {
    return this.emit("Transpose", [x], { perm });
  }

  unsqueeze(x: string, axes: readonly number[]): string {
    return this.emit("Unsqueeze", [x, this.integers(axes)], {});
  }

  cast(x: string, to: DType): string {
    return this.typeOf(x).dtype === to ? x : this.emit("Cast", [x], { to });
  }

  gather(x: string, indices: string, axis: number): string {
    return this.emit("Gather", [x, indices], { axis });
  }

  concat(parts: readonly string[], axis: number): string {
    return this.emit("Concat", parts, { axis });
  }

  slice(x: string, axis: number, from: number, to: number, step = 1): string {
    return this.emit("Slice", [x, ...[from, to, axis, step].map((bound) => this.integers([bound]))], {});
  }

  /** A rank-0 constant of x's element type. */
  scalar(value: number, x: string): string {
    return this.real([], [value], this.typeOf(x).dtype === "float64" ? "float64" : "float32");
  }

  real(
    shape: readonly number[],
    values: readonly number[],
    dtype: "float32" | "float64" = "float32",
  ): string {
    const data = dtype === "float32" ? Float32Array.from(values) : Float64Array.from(values);
    return this.#scope.addTensor("constant", { dtype, shape, data }, "constant");
  }

  integers(values: readonly number[], shape: readonly number[] = [values.length]): string {
    const data = BigInt64Array.from(values, BigInt);
    return this.#scope.addTensor("constant", { dtype: "int64", shape, data }, "constant");
  }

  /** Weights that the node keeps in an attribute: training may change them. */
  parameter(what: string, shape: readonly number[], values: readonly number[]): string {
    if (values.length !== sizeOfShape(shape))
      throw this.illegal(`${what} holds ${values.length} numbers where [${shape.join(", ")}] asks for more`);
    const tensor: Tensor = { dtype: "float32", shape, data: Float32Array.from(values) };
    return this.#scope.addTensor(`${this.node.name}.${what}`, tensor, "parameter");
  }

  refuse(why: string): ModelError {
    return new ModelError({ code: "OP_UNSUPPORTED", op: this.node.op, node: this.node.name, why });
  }

  illegal(why: string): ModelError {
    return new ModelError({
      code: "MODEL_ILLEGAL",
      why: `node "${this.node.name}" (${this.node.op}): ${why}`,
    });
  }

  #take(name: string): AttributeProto | undefined {
    const attribute = this.#left.get(name);
    this.#left.delete(name);
    return attribute;
  }
}

/** Optional inputs left out at the end are not written. */
function listed(inputs: readonly (string | undefined)[]): string[] {
  const last = inputs.findLastIndex((input) => (input ?? "") !== "");
  return inputs.slice(0, last + 1).map((input) => input ?? "");
}
