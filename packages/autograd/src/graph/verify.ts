/**
 * Is a graph legal? Every value made once and before it is read, arities, attributes, element types and shapes.
 *
 * Runs between passes, so that a pass that breaks a graph is named, not the one after it.
 */
import { assert } from "@pingo/core";
import { GraphError } from "./fault.ts";
import type { AnyNode, Graph, TypeByValue } from "./graph.ts";
import { inferTypes } from "./infer.ts";
import type { AttributeKind, AttributeSpec, AttributeValue } from "./ops/spec.ts";
import { isOpKind, OPS } from "./ops.ts";

/** @throws {GraphError} naming the node; the types of all values otherwise */
export function verifyGraph(graph: Graph): TypeByValue {
  verifyNames(graph, new Set());
  const types = inferTypes(graph);
  for (const { name, type } of graph.outputs) {
    const inferred = types.get(name);
    assert(inferred !== undefined, "verifyNames has seen every output");
    if (inferred.dtype !== type.dtype || inferred.shape.length !== type.shape.length) {
      throw illegal(
        `the output "${name}" is declared as ${type.dtype} of ${type.shape.length} axes and is ${inferred.dtype} of ${inferred.shape.length}`,
      );
    }
  }
  return types;
}

/** Arity and attributes of one node; what it reads and makes is the graph's matter. */
export function verifyNode(node: AnyNode): void {
  const spec = isOpKind(node.op) ? OPS[node.op] : undefined;
  const refuse = (why: string) => new GraphError({ code: "NODE_ILLEGAL", op: node.op, node: node.name, why });
  if (spec === undefined) throw refuse("there is no such operator");
  const { inputs, outputs } = spec;
  if (node.inputs.length < inputs.min || node.inputs.length > inputs.max) {
    throw refuse(`it has ${node.inputs.length} inputs; ${inputs.min} to ${inputs.max} are allowed`);
  }
  if (node.outputs.length < outputs.min || node.outputs.length > outputs.max) {
    throw refuse(`it has ${node.outputs.length} outputs; ${outputs.min} to ${outputs.max} are allowed`);
  }
  if (node.inputs.slice(0, inputs.min).includes("")) throw refuse("an input it needs is left out");
  const specs = new Map<string, AttributeSpec<AttributeValue>>(Object.entries(spec.attributes));
  const values = new Map<string, unknown>(Object.entries(node.attributes));
  for (const name of values.keys()) if (!specs.has(name)) throw refuse(`it has no attribute ${name}`);
  for (const [name, attribute] of specs) {
    const value = values.get(name);
    if (value === undefined) {
      if (!("presence" in attribute) || attribute.presence !== "optional")
        throw refuse(`it lacks the attribute ${name}`);
    } else if (
      !IS_OF_KIND[attribute.kind](value) ||
      attribute.values?.some((one) => one === value) === false
    ) {
      throw new GraphError({
        code: "ATTRIBUTE_INVALID",
        op: node.op,
        node: node.name,
        why: `${name} cannot be ${shown(value)}`,
      });
    }
  }
}

const IS_OF_KIND: { readonly [K in AttributeKind]: (value: unknown) => boolean } = {
  int: Number.isSafeInteger,
  float: (value) => typeof value === "number",
  string: (value) => typeof value === "string",
  dtype: (value) => typeof value === "string",
  floats: (value) => Array.isArray(value) && value.every((one) => typeof one === "number"),
  strings: (value) => Array.isArray(value) && value.every((one) => typeof one === "string"),
  ints: (value) => Array.isArray(value) && value.every(Number.isSafeInteger),
  tensor: (value) => typeof value === "object",
  graph: (value) => typeof value === "object",
};

function shown(value: unknown): string {
  return typeof value === "object" && !Array.isArray(value) ? "this" : `"${String(value).slice(0, 80)}"`;
}

/** Single assignment and order, through the bodies; `around` holds the names that a body may read. */
function verifyNames(graph: Graph, around: ReadonlySet<string>): void {
  const made = new Set(around);
  const make = (name: string, what: string) => {
    if (name === "") throw illegal(`${what} has no name`);
    if (made.has(name)) throw illegal(`${what} is named "${name}", which is taken`);
    made.add(name);
  };
  for (const { name } of graph.inputs) make(name, "an input");
  for (const name of graph.initializers.keys()) make(name, "an initializer");
  for (const name of graph.constants ?? []) {
    if (!graph.initializers.has(name)) throw illegal(`the constant "${name}" is no initializer`);
  }
  const nodeNames = new Set<string>();
  for (const node of graph.nodes) {
    if (nodeNames.has(node.name)) throw illegal(`two nodes are named "${node.name}"`);
    nodeNames.add(node.name);
    verifyNode(node);
    for (const input of node.inputs) {
      if (input === "" || made.has(input)) continue;
      throw new GraphError({
        code: "NODE_ILLEGAL",
        op: node.op,
        node: node.name,
        why: `it reads "${input}", which nothing before it makes`,
      });
    }
    if (node.op === "Scan") verifyNames(node.attributes.body, made);
    for (const output of node.outputs) if (output !== "") make(output, `an output of node "${node.name}"`);
  }
  for (const { name } of graph.outputs)
    if (!made.has(name)) throw illegal(`nothing makes the output "${name}"`);
}

function illegal(why: string): GraphError {
  return new GraphError({ code: "GRAPH_ILLEGAL", why });
}
