/** Pools composed of plain operators. */
import { at } from "../rules/emitter.ts";
import type { Composition } from "./composition.ts";

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
