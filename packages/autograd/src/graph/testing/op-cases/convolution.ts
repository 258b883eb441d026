/** Cases of: convolutions over [N, C, …spatial]. */
import type { ConvolutionAttributes } from "../../ops/convolution.ts";
import type { OpCases } from "./draw.ts";
import { image, window } from "./window.ts";

export const convolutionCases: OpCases<keyof ConvolutionAttributes> = {
  Conv: (r) => {
    const rank = r.int(1, 3);
    const [group, perGroup] = [r.int(1, 2), r.int(1, 2)];
    const features = group * r.int(1, 2);
    const attributes = { ...window(r, rank), group };
    const inputs = [
      r.floats(image(r, group * perGroup, rank)),
      r.floats([features, perGroup, ...attributes.kernel_shape]),
    ];
    if (r.flag()) inputs.push(r.floats([features]));
    return { inputs, attributes };
  },
  ConvTranspose: (r) => {
    const rank = r.int(1, 3);
    const [group, perGroup] = [r.int(1, 2), r.int(1, 2)];
    const attributes = { ...window(r, rank), group };
    const output_padding = attributes.strides.map((stride) => r.int(0, stride - 1));
    const channels = group * r.int(1, 2);
    const inputs = [
      r.floats(image(r, channels, rank)),
      r.floats([channels, perGroup, ...attributes.kernel_shape]),
    ];
    return { inputs, attributes: { ...attributes, output_padding } };
  },
};
