/** Gradient cases of: operators that read or write images at places of their own. */
import type { SamplingAttributes } from "../../../src/graph/ops/sampling.ts";
import { f32 } from "../../run-graph.ts";
import type { GradientCases } from "../check.ts";
import { vector } from "./parts.ts";

export const samplingCases: GradientCases<keyof SamplingAttributes> = {
  AffineGrid: (draw) => {
    const axes = draw.int(2, 3);
    const batch = draw.int(1, 2);
    const image = Array.from({ length: axes }, () => draw.int(1, 4));
    const inputs = [draw.signed([batch, axes, axes + 1]), vector([batch, 1, ...image])];
    return { inputs, attributes: { align_corners: draw.int(0, 1) } };
  },
  Col2Im: (draw) => {
    const [block, strides] = [
      [draw.int(1, 3), draw.int(1, 3)],
      [draw.int(1, 2), draw.int(1, 2)],
    ];
    const [dilations, pads, image] = [
      [draw.int(1, 2), 1],
      [0, 1, draw.int(0, 1), 1],
      [draw.int(5, 7), 6],
    ];
    const counts = image.map((size, i) => {
      const reach = ((block[i] ?? 1) - 1) * (dilations[i] ?? 1) + 1;
      return Math.floor((size + (pads[i] ?? 0) + (pads[i + 2] ?? 0) - reach) / (strides[i] ?? 1)) + 1;
    });
    const rows = draw.int(1, 2) * (block[0] ?? 1) * (block[1] ?? 1);
    const blocks = draw.signed([draw.int(1, 2), rows, (counts[0] ?? 1) * (counts[1] ?? 1)]);
    return { inputs: [blocks, vector(image), vector(block)], attributes: { dilations, pads, strides } };
  },
  GridSample: (draw) => {
    const batch = draw.int(1, 2);
    const dims = [batch, draw.int(1, 3), draw.int(1, 3), 2];
    // Between −1.5 and 1.5; of sizes to 5, none lies near the edge or the middle of a pixel, where slopes jump.
    const places = Array.from(
      { length: dims.reduce((a, b) => a * b, 1) },
      () => draw.int(-14, 14) / 10 + 0.037,
    );
    return {
      inputs: [draw.signed([batch, draw.int(1, 2), draw.int(2, 5), draw.int(2, 5)]), f32(dims, places)],
      attributes: {
        align_corners: draw.int(0, 1),
        mode: draw.pick(["linear", "nearest"] as const),
        padding_mode: draw.pick(["zeros", "border", "reflection"] as const),
      },
    };
  },
};
