/** Gradient cases of: convolutions over [N, C, …spatial]. */
import type { ConvolutionAttributes } from "../../../src/graph/ops/convolution.ts";
import type { Case, GradientCases } from "../check.ts";
import type { Draw } from "../draw.ts";
import { window } from "./parts.ts";

function conv(draw: Draw): Case<"Conv"> {
  const spatial = draw.int(1, 3);
  const most = spatial === 3 ? 1 : 2;
  const [group, perGroup, outPerGroup] = [draw.int(1, 3), draw.int(1, most), draw.int(1, most)];
  const attributes = { ...window(draw, spatial), group };
  const dims = Array.from({ length: spatial }, () => draw.int(5, 9 - spatial));
  const x = draw.signed([draw.int(1, 2), group * perGroup, ...dims]);
  const w = draw.signed([group * outPerGroup, perGroup, ...attributes.kernel_shape]);
  const bias = draw.int(0, 1) === 0 ? [] : [draw.signed([group * outPerGroup])];
  return { inputs: [x, w, ...bias], attributes };
}

function convTranspose(draw: Draw): Case<"ConvTranspose"> {
  const spatial = draw.int(1, 3);
  const most = spatial === 3 ? 1 : 2;
  const [group, perGroup, outPerGroup] = [draw.int(1, 2), draw.int(1, most), draw.int(1, most)];
  const given = window(draw, spatial, { padMax: 1 });
  const output_padding = given.strides.map((stride) => draw.int(0, stride - 1));
  const dims = Array.from({ length: spatial }, () => draw.int(3, spatial === 3 ? 3 : 5));
  const x = draw.signed([draw.int(1, 2), group * perGroup, ...dims]);
  const w = draw.signed([group * perGroup, outPerGroup, ...given.kernel_shape]);
  const bias = draw.signed([group * outPerGroup]);
  return { inputs: [x, w, bias], attributes: { ...given, group, output_padding } };
}

export const convolutionCases: GradientCases<keyof ConvolutionAttributes> = {
  Conv: conv,
  ConvTranspose: convTranspose,
};
