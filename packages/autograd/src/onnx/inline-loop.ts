/** A Loop whose turns are known before the run: its body, written out turn after turn in its place. */
import type { AnyNode } from "../graph/graph.ts";
import { addInitializers, inlineBody, nameResults, type ReadNode } from "./inline-body.ts";
import type { GraphProto, NodeProto } from "./onnx_pb.ts";
import {
  addConstant,
  addNode,
  freshName,
  illegal,
  knownInts,
  type ReadScope,
  unsupported,
} from "./read-scope.ts";

const AT_RUN_TIME =
  "how often it turns is decided while it runs; export the model with a fixed number of turns, or write the recurrence as a Scan";

export function inlineLoop(proto: NodeProto, name: string, scope: ReadScope, readNode: ReadNode): void {
  const [countName = "", conditionName = "", ...initial] = proto.input;
  const body = proto.attribute.find((attribute) => attribute.name === "body")?.g;
  if (body === undefined) throw illegal(`node "${name}" (Loop) has no body`);
  if (body.input.length !== initial.length + 2 || body.output.length < initial.length + 1)
    throw illegal(`node "${name}" (Loop) has other inputs and outputs than its body`);
  const turns = countName === "" ? Number.POSITIVE_INFINITY : knownInts(countName, scope)?.[0];
  const isEndless = countName === "" && conditionName === "";
  if (turns === undefined || isEndless) throw unsupported("Loop", name, AT_RUN_TIME);
  const given = addInitializers(body.initializer, name, scope);
  let condition = conditionName === "" ? 1 : knownInts(conditionName, scope)?.[0];
  let states = initial;
  const collected: string[][] = body.output.slice(initial.length + 1).map(() => []);
  for (let turn = 0; ; turn++) {
    // A trip may only end where that is known: one that might go on is refused, not cut short.
    if (condition === undefined) throw unsupported("Loop", name, AT_RUN_TIME);
    if (turn >= turns || condition === 0) break;
    const results = inlineTurn({ body, given, states, turn, condition, name }, scope, readNode);
    if (conditionName !== "") condition = knownInts(results[0] ?? "", scope)?.[0];
    states = results.slice(1, initial.length + 1);
    for (const [i, result] of results.slice(initial.length + 1).entries()) collected[i]?.push(result);
  }
  const stacks = collected.map((parts, i) => {
    const isRead = (proto.output[initial.length + i] ?? "") !== "";
    return isRead ? stacked(parts, `${name}/collected${i}`, name, scope) : "";
  });
  nameResults(proto, [...states, ...stacks], scope);
}

interface Turn {
  readonly body: GraphProto;
  readonly given: ReadonlyMap<string, string>;
  readonly states: readonly string[];
  readonly turn: number;
  readonly condition: number;
  readonly name: string;
}

function inlineTurn(
  { body, given, states, turn, condition, name }: Turn,
  scope: ReadScope,
  readNode: ReadNode,
): readonly string[] {
  const own = `${name}/${turn}`;
  const count = { dtype: "int64", shape: [], data: BigInt64Array.of(BigInt(turn)) } as const;
  const going = { dtype: "bool", shape: [], data: Uint8Array.of(Number(condition !== 0)) } as const;
  const values = [
    addConstant(freshName(`${own}/turn`, scope), count, scope),
    addConstant(freshName(`${own}/condition`, scope), going, scope),
    ...states,
  ];
  const inputs = body.input.map((input, i): [string, string] => [input.name, values[i] ?? ""]);
  const outputs = body.output.map((output) => output.name);
  const names = new Map([...given, ...inputs]);
  return inlineBody({ node: body.node, outputs }, names, own, scope, readNode);
}

/** What the turns gave, along a new first axis. */
function stacked(parts: readonly string[], wanted: string, name: string, scope: ReadScope): string {
  if (parts.length === 0)
    throw unsupported("Loop", name, "it turns not once, and what it collects is read; leave the node out");
  const zero = { dtype: "int64", shape: [1], data: BigInt64Array.of(0n) } as const;
  const axes = addConstant(freshName(`${wanted}/axes`, scope), zero, scope);
  const wide = parts.map((part) => emit("Unsqueeze", [part, axes], {}, wanted, scope));
  return emit("Concat", wide, { axis: 0 }, wanted, scope);
}

function emit(
  op: "Unsqueeze" | "Concat",
  inputs: readonly string[],
  attributes: object,
  wanted: string,
  scope: ReadScope,
): string {
  const output = freshName(`${wanted}/${op}`, scope);
  scope.made.add(output);
  scope.nodeNames.add(output);
  // SAFETY: a node of that operator with its attributes.
  addNode({ op, name: output, inputs, outputs: [output], attributes } as unknown as AnyNode, scope);
  return output;
}
