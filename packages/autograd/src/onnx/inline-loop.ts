/**
 * A Loop whose turns are known before the run: its body, written out turn after turn in its place.
 *
 * Where only the most turns are known, all of them are written out, and each keeps what it made where the loop still
 * turns.
 */
import { choose, type Flag, flagOf, guarded, guardedCaptures, refuseTraces } from "./guard.ts";
import { addInitializers, inlineBody, nameResults, type ReadNode } from "./inline-body.ts";
import type { GraphProto, NodeProto } from "./onnx_pb.ts";
import {
  addConstant,
  emitNode,
  freshName,
  illegal,
  knownInts,
  type ReadScope,
  unsupported,
} from "./read-scope.ts";

const AT_RUN_TIME =
  "how often it turns is decided while it runs; export the model with a fixed number of turns, or with a few at most (for … in range(N) with the condition inside), or write the recurrence as a Scan";
const GROWS =
  "what it collects is as long as it turns, which is decided while it runs; export the model with a fixed number of turns, or write the recurrence as a Scan";

/** Each of them is computed in every step; a loop without a bound is known by turning so long. */
export const GUARDED_TURNS_MAX = 256;

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
  let going = conditionName;
  let states: readonly string[] = initial;
  const collected: string[][] = body.output.slice(initial.length + 1).map(() => []);
  const isCollected = collected.some((_, i) => (proto.output[initial.length + i] ?? "") !== "");
  for (let turn = 0; turn < turns; turn++) {
    const condition = going === "" ? 1 : knownInts(going, scope)?.[0];
    if (condition === undefined) {
      if (isCollected) throw unsupported("Loop", name, GROWS);
      states = inlineGuarded({ body, given, states, turn, name }, { going, turns }, scope, readNode);
      break;
    }
    if (condition === 0) break;
    const results = inlineTurn({ body, given, states, turn, name }, scope, readNode);
    if (conditionName !== "") going = results[0] ?? "";
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
  readonly name: string;
}

/** The turns from this one on, each of which may be beyond the last. */
function inlineGuarded(
  first: Turn,
  { going, turns }: { readonly going: string; readonly turns: number },
  scope: ReadScope,
  readNode: ReadNode,
): readonly string[] {
  const { body, given, name } = first;
  refuseTraces(body, "Loop", name);
  let { states } = first;
  // While the loop turns, a state is what the turn before made; a count among them stays a number.
  let latest = states;
  let flag: Flag = { name: flagOf(going, name, scope), runsWhen: true };
  for (let turn = first.turn; turn < turns; turn++) {
    // One that might turn longer is refused, not cut short.
    if (turn - first.turn >= GUARDED_TURNS_MAX) throw unsupported("Loop", name, AT_RUN_TIME);
    const own = `${name}/${turn}`;
    const captures = guardedCaptures(body, flag, own, scope);
    const before = latest.map((state) => guarded(state, flag, own, scope));
    const names = new Map([...captures, ...given]);
    const [next = "", ...results] = inlineTurn(
      { body, given: names, states: before, turn, name },
      scope,
      readNode,
    );
    states = states.map((state, i) =>
      choose({ flag: flag.name, yes: results[i] ?? "", no: state }, "Loop", name, scope),
    );
    latest = results.slice(0, states.length);
    if (knownInts(next, scope)?.[0] === 0) break;
    flag = { ...flag, name: emitNode("And", [flag.name, flagOf(next, own, scope)], {}, own, scope) };
  }
  return states;
}

function inlineTurn(
  { body, given, states, turn, name }: Turn,
  scope: ReadScope,
  readNode: ReadNode,
): readonly string[] {
  const own = `${name}/${turn}`;
  const count = { dtype: "int64", shape: [], data: BigInt64Array.of(BigInt(turn)) } as const;
  const going = { dtype: "bool", shape: [], data: Uint8Array.of(1) } as const;
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
  const wide = parts.map((part) => emitNode("Unsqueeze", [part, axes], {}, wanted, scope));
  return emitNode("Concat", wide, { axis: 0 }, wanted, scope);
}
