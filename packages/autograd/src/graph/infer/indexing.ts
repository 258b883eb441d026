/** Types of operators that pick, place or make elements by index. */

import { subDims } from "../dim.ts";
import { showShape } from "../fault.ts";
import type { IndexingAttributes } from "../ops/indexing.ts";
import { isStatic, sizeOfShape } from "../shape.ts";
import type { Shape, TensorType } from "../tensor.ts";
import { targetShape } from "./movement.ts";
import { BOOLS, INDICES, NUMBERS, type Rules, type Site } from "./site.ts";

export const indexing: Rules<keyof IndexingAttributes> = {
  ConstantOfShape: (site) => {
    const { value } = site.attributes;
    if (value.data.length !== 1) throw site.attribute("value must hold one element");
    const shape = targetShape(site, 0);
    if (shape.some((dim) => typeof dim === "number" && dim < 0))
      throw site.shape(`${showShape(shape)} has a negative size`);
    return [{ dtype: value.dtype, shape }];
  },
  Compress: (site) => {
    const { dtype, shape } = site.input(0);
    site.input(1, BOOLS);
    site.rank(1, 1);
    const { axis } = site.attributes;
    const whole = axis === undefined ? sizeOfAll(shape) : shape[site.axis(axis, shape.length)];
    const picked = site.knownInts(1);
    if (picked !== undefined && typeof whole === "number" && picked.length > whole)
      throw site.shape(`the condition has ${picked.length} elements for ${whole} places`);
    const count = site.dimOr(picked?.filter((one) => one !== 0).length);
    return [{ dtype, shape: axis === undefined ? [count] : shape.with(axis, count) }];
  },
  EyeLike: (site) => {
    const { dtype, shape } = site.rank(0, 2);
    return [{ dtype: site.attributes.dtype ?? dtype, shape }];
  },
  Gather: (site) => {
    const { dtype, shape } = site.input(0);
    const indices = site.input(1, INDICES).shape;
    const axis = site.axis(site.attributes.axis, shape.length);
    return [{ dtype, shape: [...shape.slice(0, axis), ...indices, ...shape.slice(axis + 1)] }];
  },
  GatherElements: (site) => {
    const { dtype, shape } = site.input(0);
    const indices = site.input(1, INDICES).shape;
    site.axis(site.attributes.axis, shape.length);
    if (indices.length !== shape.length)
      throw site.shape(`${showShape(shape)} and indices ${showShape(indices)} differ in rank`);
    return [{ dtype, shape: indices }];
  },
  GatherND: (site) => {
    const { dtype, shape } = site.input(0);
    const indices = site.input(1, ["int64"]).shape;
    const depth = indices.at(-1);
    const batch = site.attributes.batch_dims;
    if (typeof depth !== "number" || depth < 1 || batch + depth > shape.length || batch >= indices.length) {
      throw site.shape(`indices ${showShape(indices)} do not point into ${showShape(shape)}`);
    }
    return [{ dtype, shape: [...indices.slice(0, -1), ...shape.slice(batch + depth)] }];
  },
  NonZero: (site) => {
    const elements = site.known(0)?.elements;
    const isKnown = elements?.every((element) => typeof element === "number");
    const count = isKnown ? elements?.filter((element) => element !== 0).length : undefined;
    return [{ dtype: "int64", shape: [site.input(0).shape.length, site.dimOr(count)] }];
  },
  OneHot: (site) => {
    const indices = site.input(0, NUMBERS).shape;
    site.input(1, NUMBERS);
    const values = site.rank(2, 1);
    site.unify(values.shape[0] ?? 2, 2, "values must hold [off, on]");
    if (indices.length === 0) throw site.shape("the indices have no axis");
    const axis = site.axis(site.attributes.axis, indices.length + 1);
    const depth = site.dimOr(site.known(1)?.elements[0]);
    return [{ dtype: values.dtype, shape: indices.toSpliced(axis, 0, depth) }];
  },
  Range: (site) => {
    const types = site.inputs(NUMBERS);
    const [start, limit, delta] = [0, 1, 2].map((i) => {
      if (site.input(i).shape.length > 0) site.rank(i, 1);
      return site.known(i)?.elements[0];
    });
    const dtype = site.sameDType(types);
    if (delta === 0) throw site.attribute("a range cannot step by 0");
    if (typeof start === "number" && typeof limit === "number" && typeof delta === "number") {
      return [{ dtype, shape: [Math.max(0, Math.ceil((limit - start) / delta))] }];
    }
    return [{ dtype, shape: [site.dimOr(delta === 1 ? subDims(limit, start) : undefined)] }];
  },
  ScatterElements: (site) => {
    const x = site.input(0);
    const indices = site.input(1, INDICES).shape;
    const updates = site.input(2);
    site.axis(site.attributes.axis, x.shape.length);
    site.sameDType([x, updates]);
    if (indices.length !== x.shape.length || updates.shape.length !== indices.length) {
      throw site.shape(
        `${showShape(x.shape)}, indices ${showShape(indices)} and updates ${showShape(updates.shape)} differ in rank`,
      );
    }
    indices.forEach((dim, i) => {
      site.unify(dim, updates.shape[i] ?? dim, "indices and updates differ");
    });
    return [x];
  },
  ScatterND: (site) => {
    const x = site.input(0);
    const indices = site.input(1, ["int64"]).shape;
    const updates = site.input(2);
    const depth = indices.at(-1);
    if (typeof depth !== "number" || depth > x.shape.length)
      throw site.shape(`indices ${showShape(indices)} do not point into ${showShape(x.shape)}`);
    const expected = [...indices.slice(0, -1), ...x.shape.slice(depth)];
    if (updates.shape.length !== expected.length)
      throw site.shape(`updates ${showShape(updates.shape)} must be ${showShape(expected)}`);
    expected.forEach((dim, i) => {
      site.unify(
        dim,
        updates.shape[i] ?? dim,
        `updates ${showShape(updates.shape)} must be ${showShape(expected)}`,
      );
    });
    site.sameDType([x, updates]);
    return [x];
  },
  Shape: (site) => [{ dtype: "int64", shape: [shapeSlice(site).length] }],
  Size: (site) => {
    site.input(0);
    return [{ dtype: "int64", shape: [] }];
  },
};

function sizeOfAll(shape: Shape): number | undefined {
  return isStatic(shape) ? sizeOfShape(shape) : undefined;
}

/** The sizes that a Shape node returns. SOURCE: ONNX Shape-15 (bounds are clamped). */
export function shapeSlice(site: Site<"Shape">): TensorType["shape"] {
  const { shape } = site.input(0);
  const { start, end } = site.attributes;
  return shape.slice(start, end ?? shape.length);
}
