/** Images made larger and smaller. */
import type { GraphBuilder, Value } from "../graph-builder.ts";
import { channelsOf, type LayerOptions, type Sizes, sizesOf } from "./options.ts";

export interface UpsampleOptions extends LayerOptions {
  readonly factor: Sizes;
  /** "nearest" unless given; "bilinear" as PyTorch does it with align_corners false. */
  readonly mode?: "nearest" | "bilinear";
}

/** float32[N, c, h, w] → float32[N, c, h · factor, w · factor] */
export function upsample(b: GraphBuilder, x: Value, options: UpsampleOptions): Value {
  const layer = b.layerName("upsample", options.name);
  channelsOf(b, layer, x, 4, "[N, C, height, width]");
  const factors = sizesOf(b, layer, "factor", options.factor, 2);
  const scales = b.constant(`${layer}/scales`, {
    dtype: "float32",
    shape: [4],
    data: Float32Array.of(1, 1, ...factors),
  });
  const isNearest = options.mode !== "bilinear";
  const outputs = [`${layer}/out`];
  const node = {
    mode: isNearest ? "nearest" : "linear",
    coordinate_transformation_mode: isNearest ? "asymmetric" : "half_pixel",
    nearest_mode: isNearest ? "floor" : "round_prefer_floor",
    antialias: 0,
    cubic_coeff_a: -0.75,
    exclude_outside: 0,
    extrapolation_value: 0,
    keep_aspect_ratio_policy: "stretch",
  } as const;
  return b.nodes("Resize", layer, [x, b.absent, scales], node, outputs)[0] ?? x;
}

/** float32[N, c · f², h, w] → float32[N, c, h · f, w · f]. SOURCE: Shi et al., 2016. */
export function pixelShuffle(
  b: GraphBuilder,
  x: Value,
  options: LayerOptions & { readonly factor: number },
): Value {
  const layer = b.layerName("pixelShuffle", options.name);
  return b.node("DepthToSpace", layer, [x], { blocksize: options.factor, mode: "CRD" });
}

/** The inverse of pixelShuffle: float32[N, c, h · f, w · f] → float32[N, c · f², h, w]. */
export function pixelUnshuffle(
  b: GraphBuilder,
  x: Value,
  options: LayerOptions & { readonly factor: number },
): Value {
  const layer = b.layerName("pixelUnshuffle", options.name);
  const { factor } = options;
  const channels = channelsOf(b, layer, x, 4, "[N, C, height, width]");
  const [height, width] = [2, 3].map((axis) => b.fixed(x.type.shape[axis], layer, "height and width"));
  if (height === undefined || width === undefined || height % factor !== 0 || width % factor !== 0) {
    throw b.invalid(layer, `${height} × ${width} do not divide by ${factor}; pad them first`);
  }
  const cut = [0, channels, height / factor, factor, width / factor, factor];
  const inner = b.node("Reshape", `${layer}/cut`, [x, b.ints(`${layer}/cut/shape`, cut)], { allowzero: 0 });
  const moved = b.node("Transpose", `${layer}/moved`, [inner], { perm: [0, 1, 3, 5, 2, 4] });
  const joined = [0, channels * factor * factor, height / factor, width / factor];
  return b.node("Reshape", layer, [moved, b.ints(`${layer}/shape`, joined)], { allowzero: 0 });
}
