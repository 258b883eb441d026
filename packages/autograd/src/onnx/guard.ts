/**
 * Nodes that run only while a flag holds, among nodes that always run.
 *
 * What is written out is computed in any case, and kept by a Where where the flag holds. Where it does not, the nodes are
 * given ones and zeros in place of what they read: values that nobody checked could divide by zero or point past a
 * table's end, and an infinite slope times the zero that flows back would be no number.
 */
import { unifyDims } from "../graph/shape.ts";
import type { Dim, DType } from "../graph/tensor.ts";
import type { GraphProto } from "./onnx_pb.ts";
import { addConstant, emitNode, freshName, type ReadScope, spend, unsupported } from "./read-scope.ts";

export interface Flag {
  /** A bool of no axes. */
  readonly name: string;
  /** When the nodes run. */
  readonly runsWhen: boolean;
}

/** The value as a bool of no axes: an If may give its condition one axis. */
export function flagOf(value: string, name: string, scope: ReadScope): string {
  if (scope.inference.types.get(value)?.shape.length === 0) return value;
  const none = { dtype: "int64", shape: [0], data: new BigInt64Array() } as const;
  const target = addConstant(freshName(`${name}/none`, scope), none, scope);
  return emitNode("Reshape", [value, target], { allowzero: 0 }, name, scope);
}

/** @throws {ModelError} OP_UNSUPPORTED where it would leave traces although it does not run */
export function refuseTraces(body: Pick<GraphProto, "node">, op: string, name: string): void {
  for (const { opType, attribute } of body.node) {
    if (opType === "BatchNormalization") {
      const why = `which of its nodes run is decided while it runs, and a BatchNormalization among them would count rows that it is not given; take it out of the branch`;
      throw unsupported(op, name, why);
    }
    for (const { g } of attribute) if (g !== undefined) refuseTraces(g, op, name);
  }
}

function capturesOf({ input, initializer, node, output }: GraphProto): ReadonlySet<string> {
  const own = new Set(["", ...input.map(({ name }) => name), ...initializer.map(({ name }) => name)]);
  for (const one of node) for (const made of one.output) own.add(made);
  const inner = node.flatMap(({ attribute }) =>
    attribute.flatMap(({ g }) => (g === undefined ? [] : [...capturesOf(g)])),
  );
  const read = [...node.flatMap((one) => one.input), ...inner, ...output.map(({ name }) => name)];
  return new Set(read.filter((name) => !own.has(name)));
}

/** By what the body reads of the values around it: what it reads instead. */
export function guardedCaptures(
  body: GraphProto,
  flag: Flag,
  name: string,
  scope: ReadScope,
): ReadonlyMap<string, string> {
  return new Map([...capturesOf(body)].map((value) => [value, guarded(value, flag, name, scope)]));
}

/** The value where the nodes run, elsewhere ones, or zeros where it may be an index. */
export function guarded(value: string, flag: Flag, name: string, scope: ReadScope): string {
  const type = scope.inference.types.get(value);
  const rest = type === undefined ? undefined : RESTS[type.dtype];
  // Weights are as good as ones, and what is known before the run is a size or an axis.
  if (rest === undefined || scope.initializers.has(value) || isSettled(value, scope)) return value;
  spend({ nodes: 1, bytes: 0 }, scope);
  const other = addConstant(freshName(`${name}/rest`, scope), rest, scope);
  const choices = flag.runsWhen ? [value, other] : [other, value];
  return emitNode("Where", [flag.name, ...choices], {}, name, scope);
}

function isSettled(value: string, { inference }: ReadScope): boolean {
  const known = inference.known.get(value);
  return known?.isLearned === false && known.elements.every((element) => element !== undefined);
}

const RESTS = {
  float32: { dtype: "float32", shape: [], data: Float32Array.of(1) },
  float64: { dtype: "float64", shape: [], data: Float64Array.of(1) },
  int64: { dtype: "int64", shape: [], data: BigInt64Array.of(0n) },
  int32: { dtype: "int32", shape: [], data: Int32Array.of(0) },
  int8: undefined,
  uint8: undefined,
  bool: undefined,
} as const satisfies Readonly<Record<DType, object | undefined>>;

export interface Choice {
  readonly flag: string;
  readonly yes: string;
  readonly no: string;
}

/** @throws {ModelError} OP_UNSUPPORTED where the two differ in type or shape */
export function choose({ flag, yes, no }: Choice, op: string, name: string, scope: ReadScope): string {
  if (yes === no) return yes;
  const [a, b] = [yes, no].map((value) => scope.inference.types.get(value));
  const isSame =
    a !== undefined &&
    b !== undefined &&
    a.dtype === b.dtype &&
    a.shape.length === b.shape.length &&
    a.shape.every((dim, i) => isOneSize(dim, b.shape[i] ?? dim));
  if (!isSame) {
    const show = (type: typeof a) => `${type?.dtype ?? "nothing"}[${type?.shape.join(", ") ?? ""}]`;
    const why = `what it makes is decided while it runs, and is ${show(a)} or ${show(b)}; make both of one type and shape, or export the model with the branch fixed`;
    throw unsupported(op, name, why);
  }
  if (a.dtype !== "bool") return emitNode("Where", [flag, yes, no], {}, name, scope);
  // ONNX Runtime's Where takes no bools.
  const off = emitNode("Not", [flag], {}, name, scope);
  const taken = emitNode("And", [flag, yes], {}, name, scope);
  const left = emitNode("And", [off, no], {}, name, scope);
  return emitNode("Or", [taken, left], {}, name, scope);
}

/** A 1 beside a name may be broadcast, which an If does not do. */
function isOneSize(a: Dim, b: Dim): boolean {
  return a === b || (a !== 1 && b !== 1 && unifyDims(a, b) !== undefined);
}
