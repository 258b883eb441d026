/** Fused normalizations of com.microsoft, taken apart. */
import type { Lowering, LoweringSite } from "./lowering-site.ts";

/** ONNX Runtime's own default for the operators of a transformer. */
const EPSILON_TINY = Math.fround(1e-12);
const EPSILON = Math.fround(1e-5);

export const NORMALIZATION_LOWERINGS = {
  LayerNormalization: (site) => {
    refuseStatistics(site);
    const inputs = [site.input(0), site.input(1), site.optional(2)];
    return [site.standard("LayerNormalization", inputs, site.rest())];
  },
  SimplifiedLayerNormalization: (site) => {
    refuseStatistics(site);
    site.ignore("stash_type");
    const axis = site.int("axis", -1);
    return [
      rootMeanSquareNorm(site, site.input(0), site.input(1), {
        axis,
        epsilon: site.float("epsilon", EPSILON),
      }),
    ];
  },
  SkipLayerNormalization: (site) => {
    refuseStatistics(site);
    const sum = skipped(site, 4);
    const epsilon = site.float("epsilon", EPSILON_TINY);
    return [
      layerNorm(site, sum, { scale: site.input(2), bias: site.optional(3), epsilon }),
      undefined,
      undefined,
      sum,
    ];
  },
  SkipSimplifiedLayerNormalization: (site) => {
    refuseStatistics(site);
    const sum = skipped(site, 3);
    const epsilon = site.float("epsilon", EPSILON_TINY);
    return [rootMeanSquareNorm(site, sum, site.input(2), { axis: -1, epsilon }), undefined, undefined, sum];
  },
  EmbedLayerNormalization: embedLayerNorm,
  GroupNorm: (site) => [groupNorm(site, site.input(0))],
  SkipGroupNorm: (site) => {
    const [skip, bias] = [site.input(3), site.optional(4)];
    const biased = bias === undefined ? site.input(0) : site.add(site.input(0), bias);
    const sum = site.add(biased, spreadSkip(site, skip, biased));
    return [groupNorm(site, sum), sum];
  },
} as const satisfies Readonly<Record<string, Lowering>>;

function layerNorm(
  site: LoweringSite,
  x: string,
  { scale, bias, epsilon }: { scale: string; bias: string | undefined; epsilon: number },
): string {
  return site.emit("LayerNormalization", [x, scale, bias], { axis: -1, epsilon, stash_type: 1 });
}

/** x / √(mean(x²) + ε) · scale */
function rootMeanSquareNorm(
  site: LoweringSite,
  x: string,
  scale: string,
  { axis, epsilon }: { axis: number; epsilon: number },
): string {
  const rank = site.rankOf(x);
  const first = axis < 0 ? axis + rank : axis;
  const axes = site.integers(Array.from({ length: rank - first }, (_, i) => first + i));
  const mean = site.emit("ReduceMean", [site.mul(x, x), axes], { keepdims: 1, noop_with_empty_axes: 0 });
  const root = site.emit("Sqrt", [site.add(mean, site.scalar(epsilon, x))], {});
  return site.mul(site.emit("Div", [x, root], {}), scale);
}

/** input + skip, and the bias where there is one. */
function skipped(site: LoweringSite, bias: number): string {
  const sum = site.add(site.input(0), site.input(1));
  return site.has(bias) ? site.add(sum, site.input(bias)) : sum;
}

function refuseStatistics(site: LoweringSite): void {
  if (site.makes(1) || site.makes(2)) throw site.refuse("its mean or deviation is read by other nodes");
}

function embedLayerNorm(site: LoweringSite): readonly (string | undefined)[] {
  const [ids, segments] = [site.input(0), site.optional(1)];
  site.ignore("mask_index_type");
  const words = site.gather(site.input(2), ids, 0);
  // Without ids of their own, positions count from 0: the first rows of the table.
  const length = site.emit("Shape", [ids], { start: 1, end: 2 });
  const positions = site.has(8)
    ? site.gather(site.input(3), site.input(8), 0)
    : site.emit("Slice", [site.input(3), site.integers([0]), length, site.integers([0])], {});
  let sum = site.add(words, positions);
  if (segments !== undefined) sum = site.add(sum, site.gather(site.input(4), segments, 0));
  const epsilon = site.float("epsilon", EPSILON_TINY);
  const y = layerNorm(site, sum, { scale: site.input(5), bias: site.input(6), epsilon });
  const attributes = { keepdims: 0, noop_with_empty_axes: 0 };
  const counts = () => {
    const mask = site.has(7)
      ? site.input(7)
      : site.emit("ConstantOfShape", [site.emit("Shape", [ids], { start: 0 })], {
          value: { dtype: "int32", shape: [1], data: Int32Array.of(0) },
        });
    return site.emit("ReduceSum", [mask, site.integers([1])], attributes);
  };
  return [y, site.makes(1) ? counts() : undefined, sum];
}

/** Of x, [N, …, C] or [N, C, …]: groups of channels are normalized together. */
function groupNorm(site: LoweringSite, x: string): string {
  const groups = site.int("groups", 1);
  const isLast = site.int("channels_last", 1) !== 0;
  const hasSilu = site.int("activation", 0) !== 0;
  const epsilon = site.float("epsilon", EPSILON);
  const rank = site.rankOf(x);
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  const first = isLast ? site.transpose(x, [0, rank - 1, ...axes.slice(1, rank - 1)]) : x;
  const ones = site.real([groups], new Array<number>(groups).fill(1));
  const zeros = site.real([groups], new Array<number>(groups).fill(0));
  const flat = site.reshape(first, [0, groups, -1]);
  const normal = site.emit("InstanceNormalization", [flat, ones, zeros], { epsilon });
  const back = site.emit("Reshape", [normal, site.emit("Shape", [first], { start: 0 })], { allowzero: 0 });
  const perChannel = (i: number) => site.reshape(site.input(i), [-1, ...axes.slice(2).map(() => 1)]);
  const y = site.add(site.mul(back, perChannel(1)), perChannel(2));
  const active = hasSilu ? site.mul(y, site.emit("Sigmoid", [y], {})) : y;
  return isLast ? site.transpose(active, [0, ...axes.slice(2), 1]) : active;
}

/** A skip of one number per image and channel, [N, C], is added at every position. */
function spreadSkip(site: LoweringSite, skip: string, x: string): string {
  const rank = site.rankOf(x);
  if (site.rankOf(skip) === rank) return skip;
  return site.unsqueeze(
    skip,
    Array.from({ length: rank - site.rankOf(skip) }, (_, i) => i + 1),
  );
}

/** Up to opset 20 scale and bias of GroupNormalization held one number per group; now they hold one per channel. */
export function groupNormOfGroups(site: LoweringSite): readonly string[] {
  const x = site.input(0);
  const groups = site.int("num_groups", 1);
  const perGroup = site.sizeOf(x, 1) / groups;
  const spread = (value: string): string => {
    const columns = site.emit(
      "Expand",
      [site.reshape(value, [groups, 1]), site.integers([groups, perGroup])],
      {},
    );
    return site.reshape(columns, [-1]);
  };
  const attributes = { epsilon: site.float("epsilon", EPSILON), num_groups: groups, stash_type: 1 };
  return [site.emit("GroupNormalization", [x, spread(site.input(1)), spread(site.input(2))], attributes)];
}
