/** Operators that pick by a condition, composed of plain ones. */
import { axisOf, sizeOf } from "../rules/emitter.ts";
import type { Composition } from "./composition.ts";

/** A condition that is known before the run names the places to gather. */
export const compressComposition: Composition<"Compress"> = ({ attributes, emit, x, constant }) => {
  const condition = constant(1);
  if (condition === undefined) return undefined;
  const places = emit.integers(condition.flatMap((one, i) => (one === 0 ? [] : [i])));
  const { axis } = attributes;
  if (axis === undefined) return [emit.gather(emit.reshape(x(), [sizeOf(x().shape)]), places, 0)];
  return [emit.gather(x(), places, axisOf(axis, x().shape.length))];
};
