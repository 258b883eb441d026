/** The graph that is being read, and how values and nodes are added to it. */
import { LIMITS } from "@pingo/core";
import type { AnyNode } from "../graph/graph.ts";
import type { Inference } from "../graph/infer/site.ts";
import { addTensor, inferNode } from "../graph/infer.ts";
import type { OpAttributes, OpKind } from "../graph/ops.ts";
import type { Tensor } from "../graph/tensor.ts";
import { verifyNode } from "../graph/verify.ts";
import { ModelError } from "./fault.ts";
import type { FunctionProto } from "./onnx_pb.ts";

/** The graph being read: what is made so far. */
export interface ReadScope {
  readonly opset: number;
  readonly inference: Inference;
  readonly initializers: Map<string, Tensor>;
  readonly constants: Set<string>;
  readonly nodes: AnyNode[];
  readonly nodeNames: Set<string>;
  /** By operator: where to go on counting for a name that is made up. */
  readonly nextNumber: Map<string, number>;
  /** Names of values made here or around. */
  readonly made: Set<string>;
  /** That the model defines, by name. */
  readonly functions: ReadonlyMap<string, FunctionProto>;
  /** How many calls of functions lie around. */
  readonly callDepth: number;
  /** Of the whole model: what functions, loops and branches are written out as. */
  readonly written: { nodes: number; bytes: number };
}

export function make(name: string, made: Set<string>, what: string): void {
  if (name === "") throw illegal(`${what} has no name`);
  if (made.has(name)) throw illegal(`"${name}" is made twice`);
  made.add(name);
}

export function addNode(node: AnyNode, scope: ReadScope): void {
  verifyNode(node);
  inferNode(node, scope.inference);
  scope.nodes.push(node);
}

/** The numbers that a value holds before the run and in every step of training. */
export function knownInts(value: string, scope: ReadScope): readonly number[] | undefined {
  const known = scope.inference.known.get(value);
  const isSettled = known?.elements.every((element) => typeof element === "number") === true;
  return isSettled && !known.isLearned ? known.elements : undefined;
}

export function addConstant(name: string, tensor: Tensor, scope: ReadScope): string {
  return addTensorTo(scope, name, tensor, "constant");
}

export function addTensorTo(
  scope: ReadScope,
  name: string,
  tensor: Tensor,
  role: "parameter" | "constant",
): string {
  scope.initializers.set(name, tensor);
  if (role === "constant") scope.constants.add(name);
  scope.made.add(name);
  addTensor(scope.inference, name, tensor, role);
  return name;
}

export function freshName(wanted: string, scope: ReadScope): string {
  let name = wanted;
  for (let i = 1; scope.made.has(name); i++) name = `${wanted}${i}`;
  return name;
}

/** Counts what is written out; a few bytes of file can ask for any number of copies. */
export function spend(
  more: { readonly nodes: number; readonly bytes: number },
  { written }: ReadScope,
): void {
  written.nodes += more.nodes;
  written.bytes += more.bytes;
  const tooMuch = (what: string, value: number, max: number) =>
    new ModelError({
      code: "MODEL_TOO_LARGE",
      what: `${what} where functions, loops and branches are written out`,
      value,
      max,
    });
  if (written.nodes > LIMITS.modelNodesMax) throw tooMuch("nodes", written.nodes, LIMITS.modelNodesMax);
  if (written.bytes > LIMITS.modelBytesMax) throw tooMuch("bytes", written.bytes, LIMITS.modelBytesMax);
}

/** Adds a node of one output under a name like the wanted one, and returns its name. */
export function emitNode<K extends OpKind>(
  op: K,
  inputs: readonly string[],
  attributes: OpAttributes[K],
  wanted: string,
  scope: ReadScope,
): string {
  const output = freshName(`${wanted}/${op}`, scope);
  scope.made.add(output);
  scope.nodeNames.add(output);
  // SAFETY: AnyNode is the union of GraphNode<K> over all K.
  addNode({ op, name: output, inputs, outputs: [output], attributes } as unknown as AnyNode, scope);
  return output;
}

export function illegal(why: string): ModelError {
  return new ModelError({ code: "MODEL_ILLEGAL", why });
}

export function unsupported(op: string, node: string, why: string): ModelError {
  return new ModelError({ code: "OP_UNSUPPORTED", op, node, why });
}
