/** Cases of: operators that read or write images at places of their own. */
import type { SamplingAttributes } from "../../ops/sampling.ts";
import { sizeOfShape } from "../../shape.ts";
import { input, ints, type OpCases } from "./draw.ts";

export const samplingCases: OpCases<keyof SamplingAttributes> = {
  AffineGrid: (r) => {
    const axes = r.int(2, 3);
    const align_corners = r.bit();
    // One pixel from corner to corner: PyTorch puts it in the middle, ONNX Runtime at the end.
    const [batch, image] = [r.int(1, 2), r.list(axes, 1 + align_corners, 4)];
    return {
      inputs: [r.floats([batch, axes, axes + 1]), ints([batch, 1, ...image])],
      attributes: { align_corners },
    };
  },
  Col2Im: (r) => {
    const [block, strides, dilations] = [r.list(2, 1, 3), r.list(2, 1, 2), r.list(2, 1, 2)];
    const pads = r.list(4, 0, 1);
    const image = r.list(2, 5, 7);
    const counts = image.map((size, i) => {
      const room =
        size + (pads[i] ?? 0) + (pads[i + 2] ?? 0) - ((block[i] ?? 1) - 1) * (dilations[i] ?? 1) - 1;
      return Math.floor(room / (strides[i] ?? 1)) + 1;
    });
    const blocks = r.floats([r.int(1, 2), r.int(1, 2) * sizeOfShape(block), sizeOfShape(counts)]);
    return { inputs: [blocks, ints(image), ints(block)], attributes: { dilations, pads, strides } };
  },
  GridSample: (r) => {
    const batch = r.int(1, 2);
    const shape = [batch, ...r.list(2, 1, 3), 2];
    // From −1.5 to 1.5: some lie outside the image.
    const places = r.list(sizeOfShape(shape), 0, 60).map((step) => (step - 30.3) / 20);
    return {
      inputs: [r.floats([batch, r.int(1, 2), r.int(2, 5), r.int(2, 5)]), input(shape, "float32", places)],
      attributes: {
        align_corners: r.bit(),
        mode: r.pick("linear", "nearest"),
        padding_mode: r.pick("zeros", "border", "reflection"),
      },
    };
  },
};
