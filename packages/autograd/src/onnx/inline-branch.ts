/**
 * An If without the If: the branch it takes, where that is known before the run; else both, and a choice between what
 * they make.
 */
import { choose, flagOf, guardedCaptures, refuseTraces } from "./guard.ts";
import { addInitializers, inlineBody, nameResults, type ReadNode } from "./inline-body.ts";
import type { GraphProto, NodeProto } from "./onnx_pb.ts";
import { illegal, knownInts, type ReadScope } from "./read-scope.ts";

export function inlineBranch(proto: NodeProto, name: string, scope: ReadScope, readNode: ReadNode): void {
  const [condition = ""] = proto.input;
  const known = knownInts(condition, scope)?.[0];
  if (known !== undefined) {
    const branch = branchOf(proto, name, known !== 0);
    nameResults(proto, inline(branch, new Map(), name, scope, readNode), scope);
    return;
  }
  const branches = [true, false].map((runsWhen) => ({ runsWhen, branch: branchOf(proto, name, runsWhen) }));
  for (const { branch } of branches) refuseTraces(branch, "If", name);
  const flag = flagOf(condition, name, scope);
  const [yes = [], no = []] = branches.map(({ runsWhen, branch }) => {
    const own = `${name}/${runsWhen ? "then" : "else"}`;
    return inline(
      branch,
      guardedCaptures(branch, { name: flag, runsWhen }, own, scope),
      own,
      scope,
      readNode,
    );
  });
  const chosen = proto.output.map((output, i) =>
    output === "" ? "" : choose({ flag, yes: yes[i] ?? "", no: no[i] ?? "" }, "If", name, scope),
  );
  nameResults(proto, chosen, scope);
}

function branchOf(proto: NodeProto, name: string, isTaken: boolean): GraphProto {
  const wanted = isTaken ? "then_branch" : "else_branch";
  const branch = proto.attribute.find((attribute) => attribute.name === wanted)?.g;
  if (branch === undefined || branch.output.length < proto.output.length)
    throw illegal(`node "${name}" (If) has no ${wanted} with its outputs`);
  return branch;
}

function inline(
  branch: GraphProto,
  captures: ReadonlyMap<string, string>,
  name: string,
  scope: ReadScope,
  readNode: ReadNode,
): readonly string[] {
  const given = new Map([...captures, ...addInitializers(branch.initializer, name, scope)]);
  const body = { node: branch.node, outputs: branch.output.map((output) => output.name) };
  return inlineBody(body, given, name, scope, readNode);
}
