/**
 * Brings a node of an older opset to the canonical one, before its attributes are read.
 *
 * From opset 13 on, only these differ in meaning, and GroupNormalization (lowering/lowerings.ts); the rest only gained
 * element types, inputs or attributes.
 * SOURCE: https://github.com/onnx/onnx/blob/main/docs/Changelog.md
 */
import { OPS } from "../graph/ops.ts";
import { ModelError } from "./fault.ts";
import type { AttributeProto } from "./onnx_pb.ts";

export interface Draft {
  readonly op: string;
  readonly name: string;
  readonly opset: number;
  inputs: string[];
  outputs: string[];
  /** By name; what a lift has dealt with it takes out. */
  readonly attributes: Map<string, AttributeProto>;
  /** Makes an int64[n] constant and returns its name. */
  addInts(values: readonly number[]): string;
  /** How many elements a constant has, if it is one. */
  constantLength(name: string): number | undefined;
}

type Lift = (draft: Draft) => void;

const LIFTS: ReadonlyMap<string, Lift> = new Map([
  ...Object.keys(OPS)
    .filter((op) => op.startsWith("Reduce"))
    .map((op): [string, Lift] => [op, axesToInput]),
  ["Squeeze", axesToInput],
  ["Unsqueeze", axesToInput],
  ["BatchNormalization", trainingModeOfOutputs],
  ["Cast", (draft) => draft.attributes.delete("saturate")], // only says something of float8
  ["CastLike", (draft) => draft.attributes.delete("saturate")],
  ["Resize", dropEmptyScales],
  ["Attention", withoutScores],
  ["GridSample", renamedMode],
]);

/** What a reader of operators.md should know: since when an operator is there, and how older files write it. */
export const OPSET_NOTES: ReadonlyMap<string, string> = new Map([
  ...Object.keys(OPS)
    .filter((op) => op.startsWith("Reduce") && op !== "ReduceSum")
    .map((op): [string, string] => [op, "axes an attribute before 18"]),
  [
    "Attention",
    "since 23; past keys and values are put before the others; one that gives its scores is refused by name",
  ],
  ["AveragePool", "dilations since 19"],
  ["BatchNormalization", "in 13 training is told by the outputs"],
  ["BitwiseAnd", "since 18"],
  ["BitwiseNot", "since 18"],
  ["BitwiseOr", "since 18"],
  ["BitwiseXor", "since 18"],
  ["CastLike", "since 15"],
  ["Einsum", "the equation is spelled out"],
  ["Gelu", "since 20"],
  ["GridSample", "since 16; other names of modes before 20"],
  ["GroupNormalization", "since 18; scale and bias by group before 21"],
  ["HardSwish", "since 14"],
  ["LayerNormalization", "since 17"],
  ["LpPool", "ceil_mode and dilations since 18"],
  ["Mish", "since 18"],
  ["Pad", "axes since 18, wrap since 19"],
  ["Reshape", "allowzero since 14"],
  ["Resize", "antialias, axes and ratios since 18"],
  ["RMSNormalization", "since 23"],
  ["RotaryEmbedding", "since 23"],
  ["Scan", "up to 20,000 nodes when written out; a longer one is refused by name"],
  ["ScatterElements", "reduction since 16, max and min since 18"],
  ["ScatterND", "reduction since 16, max and min since 18"],
  ["Shape", "start and end since 15"],
  ["Split", "num_outputs since 18"],
  ["Trilu", "since 14"],
]);

export function liftDraft(draft: Draft): void {
  LIFTS.get(draft.op)?.(draft);
  // Trailing optional values left out are written in two ways; one is canonical.
  while (draft.inputs.at(-1) === "") draft.inputs.pop();
  while (draft.outputs.at(-1) === "") draft.outputs.pop();
}

/** Reduce* took its axes as an attribute up to opset 17. */
function axesToInput(draft: Draft): void {
  const axes = draft.attributes.get("axes");
  if (axes === undefined || draft.inputs.length > 1) return;
  draft.inputs.push(draft.addInts(axes.ints.map(Number)));
  draft.attributes.delete("axes");
}

/**
 * Up to opset 13 a BatchNormalization trained exactly when it had more than one output. The last two, statistics of the
 * batch alone, were for its gradient; nothing can read them here.
 */
function trainingModeOfOutputs(draft: Draft): void {
  if (draft.opset >= 14) return;
  draft.outputs = draft.outputs.slice(0, 3);
}

/** Sizes win over scales; exporters leave an empty tensor where scales would be. */
function dropEmptyScales(draft: Draft): void {
  for (const i of [1, 2]) {
    if (draft.constantLength(draft.inputs[i] ?? "") === 0) draft.inputs[i] = "";
  }
}

/** Both speak of outputs and widths that are not here. */
function withoutScores(draft: Draft): void {
  draft.attributes.delete("qk_matmul_output_mode");
  draft.attributes.delete("softmax_precision");
}

/** Up to opset 19 the modes had the names of two dimensions. */
function renamedMode(draft: Draft): void {
  const mode = draft.attributes.get("mode");
  if (mode === undefined) return;
  const word = new TextDecoder().decode(mode.s);
  const name = word === "bilinear" ? "linear" : word;
  if (name !== "linear" && name !== "nearest") {
    const why = `its mode is ${word}; export it with mode="bilinear" or "nearest"`;
    throw new ModelError({ code: "OP_UNSUPPORTED", op: draft.op, node: draft.name, why });
  }
  draft.attributes.set("mode", { ...mode, s: new TextEncoder().encode(name) });
}
