/** Types of operators that read or write images at places of their own. */
import { divideExactly } from "../dim.ts";
import { showShape } from "../fault.ts";
import type { SamplingAttributes } from "../ops/sampling.ts";
import { sizeOfShape } from "../shape.ts";
import { FLOATS, type Rules } from "./site.ts";

export const sampling: Rules<keyof SamplingAttributes> = {
  AffineGrid: (site) => {
    const { dtype } = site.input(0, FLOATS);
    const [batch = 1, axes = 2, columns = 3] = site.rank(0, 3).shape;
    site.input(1, ["int64"]);
    const size = site.knownInts(1);
    if (size === undefined || typeof axes !== "number")
      throw site.illegal("its size must be known before the run");
    if (size.length !== axes + 2 || (axes !== 2 && axes !== 3))
      throw site.shape(`a size of ${size.length} numbers does not go with ${axes} rows of a matrix`);
    site.unify(columns, axes + 1, "the matrices have another number of columns");
    return [
      { dtype, shape: [site.unify(batch, size[0] ?? 1, "the batches differ"), ...size.slice(2), axes] },
    ];
  },
  Col2Im: (site) => {
    const { dtype } = site.input(0, FLOATS);
    const [batch = 1, whole = 1, places = 1] = site.rank(0, 3).shape;
    const [image, block] = [site.knownInts(1), site.knownInts(2)];
    if (image === undefined || block === undefined || image.length !== block.length)
      throw site.illegal("the sizes of image and block must be known before the run, and of as many axes");
    const { dilations, pads, strides } = site.attributes;
    if (
      dilations.length !== block.length ||
      strides.length !== block.length ||
      pads.length !== 2 * block.length
    )
      throw site.attribute(`dilations, strides and pads must be for ${block.length} axes`);
    const counts = block.map((size, i) => {
      const room = (image[i] ?? 1) + (pads[i] ?? 0) + (pads[i + block.length] ?? 0);
      return Math.floor((room - (size - 1) * (dilations[i] ?? 1) - 1) / (strides[i] ?? 1)) + 1;
    });
    site.unify(places, sizeOfShape(counts), "the blocks are not as many as the image has places for");
    const channels = divideExactly(whole, sizeOfShape(block));
    if (channels === undefined && typeof whole === "number")
      throw site.shape(`${whole} rows do not split into blocks of ${showShape(block)}`);
    return [{ dtype, shape: [batch, site.dimOr(channels), ...image] }];
  },
  GridSample: (site) => {
    const { dtype } = site.input(0, FLOATS);
    const [batch = 1, channels = 1] = site.rank(0, 4).shape;
    site.input(1, FLOATS);
    const [rows = 1, height = 1, width = 1, two = 2] = site.rank(1, 4).shape;
    site.unify(two, 2, "the places are not pairs");
    return [{ dtype, shape: [site.unify(batch, rows, "the batches differ"), channels, height, width] }];
  },
};
