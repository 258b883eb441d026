/** Normalizations composed of plain operators. */
import { at, axisOf, type Emitter, range, sizeOf, type Value } from "../rules/emitter.ts";
import { lrnBase } from "../rules/lrn.ts";
import type { Composition } from "./composition.ts";

/** Each group is a row; ONNX Runtime has no kernel for groups. */
export const groupNormComposition: Composition<"GroupNormalization"> = ({ attributes, emit, x }) => {
  const { num_groups: groups, epsilon } = attributes;
  const { shape } = x();
  const hat = standardRows(emit, x(), at(shape, 0) * groups, epsilon);
  const perChannel = [at(shape, 1), ...shape.slice(2).map(() => 1)];
  const scaled = emit.mul(hat, emit.reshape(x(1), perChannel));
  return [emit.add2(scaled, emit.reshape(x(2), perChannel))];
};

/**
 * Each channel of an image is a row. PyTorch writes group norm as this of its groups, with a scale of 1 and a bias of 0,
 * which take no pass.
 */
export const instanceNormComposition: Composition<"InstanceNormalization"> = ({
  attributes,
  emit,
  x,
  constant,
}) => {
  const { shape } = x();
  const perChannel = [at(shape, 1), ...shape.slice(2).map(() => 1)];
  let y = standardRows(emit, x(), at(shape, 0) * at(shape, 1), attributes.epsilon);
  if (!isAll(constant(1), 1)) y = emit.mul(y, emit.reshape(x(1), perChannel));
  if (!isAll(constant(2), 0)) y = emit.add2(y, emit.reshape(x(2), perChannel));
  return [y];
};

function isAll(values: readonly number[] | undefined, wanted: number): boolean {
  return values?.every((value) => value === wanted) ?? false;
}

/** x cut into so many rows, each of mean 0 and variance 1: LayerNormalization's kernel, whose gradient needs no x. */
function standardRows(emit: Emitter, x: Value, count: number, epsilon: number): Value {
  const { shape, dtype } = x;
  const size = sizeOf(shape) / count;
  const rows = emit.reshape(x, [count, size]);
  const settings = { axis: 1, epsilon, stash_type: 1 };
  const ones = emit.cast(emit.ones(size), dtype);
  return emit.reshape(emit.node("LayerNormalization", [rows, ones], settings, dtype, rows.shape), shape);
}

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
