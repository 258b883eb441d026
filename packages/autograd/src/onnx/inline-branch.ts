/** An If whose condition is known before the run: the branch it takes, in its place. */
import { addInitializers, inlineBody, nameResults, type ReadNode } from "./inline-body.ts";
import type { NodeProto } from "./onnx_pb.ts";
import { illegal, knownInts, type ReadScope } from "./read-scope.ts";

/** False where the condition is not known. */
export function inlineBranch(proto: NodeProto, name: string, scope: ReadScope, readNode: ReadNode): boolean {
  const condition = knownInts(proto.input[0] ?? "", scope)?.[0];
  if (condition === undefined) return false;
  const taken = condition === 0 ? "else_branch" : "then_branch";
  const branch = proto.attribute.find((attribute) => attribute.name === taken)?.g;
  if (branch === undefined || branch.output.length < proto.output.length)
    throw illegal(`node "${name}" (If) has no ${taken} with its outputs`);
  const given = addInitializers(branch.initializer, name, scope);
  const body = { node: branch.node, outputs: branch.output.map((output) => output.name) };
  nameResults(proto, inlineBody(body, given, name, scope, readNode), scope);
  return true;
}
