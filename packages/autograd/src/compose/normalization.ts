/** Normalizations composed of plain operators. */
import { at, axisOf, range, sizeOf } from "../rules/emitter.ts";
import { lrnBase } from "../rules/lrn.ts";
import type { Composition } from "./composition.ts";

/** Each group is a row that LayerNormalization's kernel normalizes; ONNX Runtime has no kernel for groups. */
export const groupNormComposition: Composition<"GroupNormalization"> = ({ attributes, emit, x }) => {
  const { num_groups: groups, epsilon, stash_type } = attributes;
  const { shape, dtype } = x();
  const [images, channels] = [at(shape, 0), at(shape, 1)];
  const size = sizeOf(shape.slice(1)) / groups;
  const rows = emit.reshape(x(), [images * groups, size]);
  const ones = emit.expand(emit.cast(emit.scalar(1), dtype), [size]);
  const settings = { axis: 1, epsilon, stash_type };
  const hat = emit.reshape(emit.node("LayerNormalization", [rows, ones], settings, dtype, rows.shape), shape);
  const perChannel = [channels, ...shape.slice(2).map(() => 1)];
  const scaled = emit.mul(hat, emit.reshape(x(1), perChannel));
  return [emit.add2(scaled, emit.reshape(x(2), perChannel))];
};

/** ONNX Runtime's kernel takes images only, and an odd number of channels. */
export const lrnComposition: Composition<"LRN"> = ({ attributes, emit, x }) => {
  const { beta, size } = attributes;
  if (x().shape.length === 4 && size % 2 === 1) return undefined;
  const base = lrnBase(emit, x(), attributes);
  return [emit.mul(x(), emit.binary("Pow", base, emit.like(base, -beta)))];
};

/** y = x·s/√(mean x² + ε) */
export const rmsNormComposition: Composition<"RMSNormalization"> = ({ attributes, emit, x }) => {
  const { shape } = x();
  const axis = axisOf(attributes.axis, shape.length);
  const squares = emit.mean(emit.square(x()), range(shape.length - axis, axis), 1);
  const r = emit.unary("Reciprocal", emit.unary("Sqrt", emit.shift(squares, attributes.epsilon)));
  return [emit.mul(emit.mul(x(), r), x(1))];
};
