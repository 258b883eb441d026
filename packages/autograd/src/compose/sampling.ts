/** Places of pixels under an affine map, as a product. */
import { at, sizeOf } from "../rules/emitter.ts";
import type { Composition } from "./composition.ts";

/** [P, axes + 1] · matrixᵀ for each matrix: the places of the image that is not moved, and 1. */
export const affineGridComposition: Composition<"AffineGrid"> = ({ attributes, emit, x, shape }) => {
  const image = shape().slice(1, -1);
  const pixels = sizeOf(image);
  const coordinate = (i: number, size: number) => {
    if (attributes.align_corners === 0) return (2 * i + 1) / size - 1;
    return size === 1 ? 0 : (2 * i) / (size - 1) - 1;
  };
  const places = Array.from({ length: pixels }, (_, flat) => {
    let rest = flat;
    const place = image.toReversed().map((size) => {
      const i = rest % size;
      rest = Math.trunc(rest / size);
      return coordinate(i, size);
    });
    return [...place, 1];
  });
  const base = emit.constant({
    dtype: "float32",
    shape: [pixels, image.length + 1],
    data: Float32Array.from(places.flat()),
  });
  return [
    emit.reshape(emit.matmul(emit.cast(base, x().dtype), emit.transposeLast(x())), [
      at(shape(), 0),
      ...image,
      image.length,
    ]),
  ];
};
