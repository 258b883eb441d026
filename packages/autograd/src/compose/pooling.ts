/** Pools composed of plain operators. */
import type { Window } from "../graph/ops/spec.ts";
import { at, type Emitter, type Value } from "../rules/emitter.ts";
import type { Composition, CompositionContext } from "./composition.ts";

/**
 * With ceil_mode a last window that begins behind the input is none; but ONNX Runtime's build for WebAssembly counts it,
 * and then refuses the graph for its shapes. Where it falls away, the windows are those of no ceil_mode: the ends that
 * no window reaches are cut off the pads, then off the input, and what ceil_mode is left for has whole windows.
 */
export const maxPoolComposition: Composition<"MaxPool"> = (context) => {
  const { attributes, emit, makes, shape } = context;
  const fitted = fittedWindow(context, attributes, makes(1));
  if (fitted === undefined) return undefined;
  const { x, pads, ceil_mode } = fitted;
  const indices = makes(1) ? emit.declare("indices", "int64", shape()) : undefined;
  const y = emit.declare("pooled", x.dtype, shape());
  emit.add({
    op: "MaxPool",
    name: y.name,
    inputs: [x.name],
    outputs: indices === undefined ? [y.name] : [y.name, indices.name],
    attributes: { ...attributes, pads, ceil_mode },
  });
  return [y, indices];
};

export const averagePoolComposition: Composition<"AveragePool"> = (context) => {
  const { attributes, emit, shape } = context;
  const fitted = fittedWindow(context, attributes, false);
  if (fitted === undefined) return undefined;
  const { x, pads, ceil_mode } = fitted;
  return [emit.node("AveragePool", [x], { ...attributes, pads, ceil_mode }, x.dtype, shape())];
};

/** @param keepsPlaces  an output counts places in the input as it is, so nothing may be cut off it */
function fittedWindow(
  { emit, x, shape }: Pick<CompositionContext<"MaxPool" | "AveragePool">, "emit" | "x" | "shape">,
  attributes: Window & { readonly ceil_mode: number },
  keepsPlaces: boolean,
): { readonly x: Value; readonly pads: readonly number[]; readonly ceil_mode: 0 | 1 } | undefined {
  if (attributes.ceil_mode === 0) return undefined;
  const { kernel_shape, strides, dilations, pads } = attributes;
  const rank = kernel_shape.length;
  const given = x().shape;
  /** By axis: how much behind the last window no window reaches; below 0 where the last reaches beyond the pads. */
  const rests = kernel_shape.map((kernel, i) => {
    const reach = (at(shape(), i + 2) - 1) * at(strides, i) + (kernel - 1) * at(dilations, i) + 1;
    return at(given, i + 2) + at(pads, i) + at(pads, i + rank) - reach;
  });
  if (rests.every((rest) => rest >= 0)) return { x: x(), pads, ceil_mode: 0 };
  if (rests.every((rest) => rest <= 0)) return undefined;
  const cut = rests.map((rest, i) => Math.max(0, rest - at(pads, i + rank)));
  if (keepsPlaces && cut.some((width) => width > 0)) return undefined;
  const trimmed = pads.map((width, i) =>
    i < rank ? width : width - Math.min(width, Math.max(0, at(rests, i - rank))),
  );
  return { x: cutEnds(emit, x(), cut), pads: trimmed, ceil_mode: 1 };
}

function cutEnds(emit: Emitter, x: Value, cut: readonly number[]): Value {
  return cut.reduce((value, width, i) => {
    return width === 0 ? value : emit.slice(value, i + 2, 0, at(value.shape, i + 2) - width);
  }, x);
}

/**
 * With ceil_mode ONNX's shape inference counts a window that begins behind the input, which ONNX Runtime's kernel then
 * leaves out; zeros at the end say the same, and a norm does not see them.
 */
export const lpPoolComposition: Composition<"LpPool"> = ({ attributes, emit, x, shape }) => {
  if (attributes.ceil_mode === 0) return undefined;
  const { kernel_shape, strides, dilations, pads } = attributes;
  const short = kernel_shape.map((kernel, i) => {
    const reach = (at(shape(), i + 2) - 1) * at(strides, i) + (kernel - 1) * at(dilations, i) + 1;
    const room = at(x().shape, i + 2) + at(pads, i) + at(pads, i + kernel_shape.length);
    return Math.max(0, reach - room);
  });
  const padded = emit.pad(
    x(),
    x().shape.map(() => 0),
    [0, 0, ...short],
  );
  return [emit.node("LpPool", [padded], { ...attributes, ceil_mode: 0 }, x().dtype, shape())];
};
