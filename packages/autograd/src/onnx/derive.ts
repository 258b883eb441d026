/** Attributes that ONNX lets a model leave out because shapes tell them. */
import { parseEinsum, writeEinsum } from "../graph/einsum.ts";
import type { AttributeValue } from "../graph/ops/spec.ts";
import type { Dim, Shape, TensorType } from "../graph/tensor.ts";
import { ModelError } from "./fault.ts";

export interface Derivation {
  readonly op: string;
  readonly node: string;
  readonly values: Map<string, AttributeValue>;
  readonly autoPad: string;
  readonly outputShape: readonly number[] | undefined;
  readonly types: readonly (TensorType | undefined)[];
}

/** Fills `values` with what is missing. */
export function deriveAttributes(derivation: Derivation): void {
  const { op, values, types } = derivation;
  const shape = types[0]?.shape ?? [];
  switch (op) {
    case "Transpose":
      if (!values.has("perm"))
        values.set(
          "perm",
          shape.map((_, i) => shape.length - 1 - i),
        );
      return;
    case "Col2Im":
      deriveBlocks(values, types[2]?.shape[0]);
      return;
    case "RNN":
    case "GRU":
    case "LSTM":
      deriveRecurrent(derivation);
      return;
    case "Einsum":
      spellEquation(derivation);
      return;
    case "Conv":
    case "ConvTranspose":
    case "MaxPool":
    case "AveragePool":
    case "LpPool":
      deriveWindow(derivation, shape.slice(2));
      return;
    case "MaxUnpool":
      deriveWindow(derivation, shape.slice(2));
      values.delete("dilations"); // it has none
  }
}

function deriveBlocks(values: Map<string, AttributeValue>, axes: Dim | undefined): void {
  if (typeof axes !== "number") return;
  for (const name of ["dilations", "strides"]) if (!values.has(name)) values.set(name, ones(axes));
  if (!values.has("pads")) values.set("pads", new Array<number>(2 * axes).fill(0));
}

const ACTIVATIONS: Readonly<Record<string, readonly string[]>> = {
  RNN: ["Tanh"],
  GRU: ["Sigmoid", "Tanh"],
  LSTM: ["Sigmoid", "Tanh", "Tanh"],
};

function deriveRecurrent({ op, node, values, types }: Derivation): void {
  const [hidden] = types[2]?.shape.slice(-1) ?? [];
  if (!values.has("hidden_size") && typeof hidden === "number") values.set("hidden_size", hidden);
  const each = ACTIVATIONS[op] ?? [];
  const isBoth = values.get("direction") === "bidirectional";
  if (!values.has("activations")) values.set("activations", isBoth ? [...each, ...each] : each);
  if (Number(values.get("input_forget") ?? 0) !== 0) {
    const why = "it couples the input and forget gates; export it without input_forget";
    throw new ModelError({ code: "OP_UNSUPPORTED", op, node, why });
  }
}

/** Without ellipsis, with its result: ONNX Runtime wants the same number of axes under every ellipsis. */
function spellEquation({ values, types }: Derivation): void {
  const equation = parseEinsum(
    String(values.get("equation")),
    types.map((type) => type?.shape.length ?? 0),
  );
  // What does not fit is refused by inference, which names the node.
  if (!("why" in equation)) values.set("equation", writeEinsum(equation));
}

function deriveWindow(derivation: Derivation, spatial: Shape): void {
  const { op, node, values, autoPad, types } = derivation;
  const refuse = (why: string) => new ModelError({ code: "OP_UNSUPPORTED", op, node, why });
  const weight = types[1]?.shape.slice(2);
  const kernel =
    ints(values, "kernel_shape") ?? (weight?.every((dim) => typeof dim === "number") ? weight : undefined);
  if (kernel === undefined) throw refuse("it has no kernel_shape");
  const rank = kernel.length;
  const strides = ints(values, "strides") ?? ones(rank);
  const dilations = ints(values, "dilations") ?? ones(rank);
  values.set("kernel_shape", kernel);
  values.set("strides", strides);
  values.set("dilations", dilations);
  if (op === "ConvTranspose") {
    deriveTransposePads(derivation, spatial, kernel, strides, dilations);
    return;
  }
  if (autoPad === "NOTSET") {
    if (!values.has("pads")) values.set("pads", new Array<number>(2 * rank).fill(0));
    return;
  }
  const totals = kernel.map((size, i) => {
    if (autoPad === "VALID") return 0;
    const reach = (size - 1) * (dilations[i] ?? 1) + 1;
    const [stride, dim] = [strides[i] ?? 1, spatial[i]];
    if (stride === 1) return Math.max(0, reach - 1);
    if (typeof dim !== "number")
      throw refuse(`auto_pad ${autoPad} needs the size of axis ${i + 2}; export with explicit pads`);
    return Math.max(0, (Math.ceil(dim / stride) - 1) * stride + reach - dim);
  });
  values.set("pads", spread(totals, autoPad));
}

// SOURCE: ONNX ConvTranspose-11: total = stride·(in − 1) + output_padding + reach − out
function deriveTransposePads(
  derivation: Derivation,
  spatial: Shape,
  kernel: readonly number[],
  strides: readonly number[],
  dilations: readonly number[],
): void {
  const { op, node, values, autoPad, outputShape } = derivation;
  const rank = kernel.length;
  const outputPadding = ints(values, "output_padding") ?? new Array<number>(rank).fill(0);
  values.set("output_padding", outputPadding);
  if (outputShape === undefined && (autoPad === "NOTSET" || autoPad === "VALID")) {
    if (!values.has("pads") || autoPad === "VALID") values.set("pads", new Array<number>(2 * rank).fill(0));
    return;
  }
  const totals = kernel.map((size, i) => {
    const [stride, dim] = [strides[i] ?? 1, spatial[i]];
    const reach = (outputPadding[i] ?? 0) + (size - 1) * (dilations[i] ?? 1) + 1;
    const wanted = outputShape?.at(i - rank);
    // auto_pad wants stride · in, and of every size the same is left over; a kernel that does not reach so far stays short.
    if (wanted === undefined) return Math.max(0, reach - stride);
    if (typeof dim !== "number") {
      const why = `output_shape needs the size of axis ${i + 2}; export with explicit pads`;
      throw new ModelError({ code: "OP_UNSUPPORTED", op, node, why });
    }
    return stride * (dim - 1) + reach - wanted;
  });
  // What a result is longer than all that the kernel reaches is padding behind it.
  values.set(
    "output_padding",
    outputPadding.map((padding, i) => padding + Math.max(0, -(totals[i] ?? 0))),
  );
  const pads = totals.map((total) => Math.max(0, total));
  // Of an odd total the larger half goes to the beginning, for every auto_pad but this one.
  values.set("pads", spread(pads, autoPad === "SAME_UPPER" ? autoPad : "SAME_LOWER"));
}

/** An odd pad more goes to the end, or to the beginning for SAME_LOWER. */
function spread(totals: readonly number[], autoPad: string): number[] {
  const less = totals.map((total) => Math.floor(total / 2));
  const more = totals.map((total) => Math.ceil(total / 2));
  return autoPad === "SAME_LOWER" ? [...more, ...less] : [...less, ...more];
}

function ints(values: ReadonlyMap<string, AttributeValue>, name: string): readonly number[] | undefined {
  const value = values.get(name);
  // SAFETY: the caller passes names that the op table declares as lists of numbers.
  return value as readonly number[] | undefined;
}

function ones(length: number): number[] {
  return new Array<number>(length).fill(1);
}
