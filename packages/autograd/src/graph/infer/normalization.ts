/** Types of normalizations. */
import { showShape } from "../fault.ts";
import type { NormalizationAttributes } from "../ops/normalization.ts";
import type { Dim, TensorType } from "../tensor.ts";
import { FLOATS, type Rules, type Site } from "./site.ts";

export const normalization: Rules<keyof NormalizationAttributes> = {
  BatchNormalization: (site) => {
    const x = channelsFirst(site);
    const isTraining = site.attributes.training_mode !== 0;
    if (!isTraining && site.node.outputs.length > 1) {
      throw site.illegal("the running mean and variance come out only when training_mode is 1");
    }
    const statistic: TensorType = { dtype: site.input(3, FLOATS).dtype, shape: [x.shape[1] ?? 1] };
    return isTraining ? [x, statistic, statistic] : [x];
  },
  InstanceNormalization: (site) => [channelsFirst(site)],
  GroupNormalization: (site) => {
    const x = channelsFirst(site);
    const { num_groups: groups } = site.attributes;
    const channels = x.shape[1];
    if (groups < 1 || (typeof channels === "number" && channels % groups !== 0))
      throw site.shape(`${channels} channels do not split into ${groups} groups`);
    return [x];
  },
  RMSNormalization: (site) => {
    trailingAxes(site);
    return [site.input(0, FLOATS)];
  },
  LpNormalization: (site) => {
    const x = site.input(0, FLOATS);
    site.axis(site.attributes.axis, x.shape.length);
    const { p } = site.attributes;
    if (p !== 1 && p !== 2) throw site.attribute(`p is ${p}; it must be 1 or 2`);
    return [x];
  },
  LRN: (site) => {
    const x = site.input(0, FLOATS);
    if (x.shape.length < 2) throw site.shape(`the input ${showShape(x.shape)} must be [N, C, …]`);
    if (site.attributes.size < 1) throw site.attribute("size must be 1 or more");
    return [x];
  },
  MeanVarianceNormalization: (site) => {
    const x = site.input(0, FLOATS);
    site.axes(site.attributes.axes, x.shape.length);
    return [x];
  },
  LayerNormalization: (site) => {
    const x = site.input(0, FLOATS);
    const axis = trailingAxes(site);
    const kept = x.shape.map((dim, i): Dim => (i < axis ? dim : 1));
    return [x, { dtype: "float32", shape: kept }, { dtype: "float32", shape: kept }];
  },
};

/** Where the normalized axes begin; scale and bias must have their shape. */
function trailingAxes(site: Site<"LayerNormalization"> | Site<"RMSNormalization">): number {
  const x = site.input(0, FLOATS);
  const axis = site.axis(site.attributes.axis, x.shape.length);
  const normalized = x.shape.slice(axis);
  for (let i = 1; i < site.node.inputs.length; i++) {
    if (!site.has(i)) continue;
    const { shape } = site.input(i, FLOATS);
    if (shape.length !== normalized.length) {
      throw site.shape(
        `input ${i} ${showShape(shape)} must have the shape of the normalized axes ${showShape(normalized)}`,
      );
    }
    shape.forEach((dim, at) => {
      site.unify(normalized[at] ?? dim, dim, `input ${i} and the normalized axes differ`);
    });
  }
  return axis;
}

function channelsFirst(
  site: Site<"BatchNormalization"> | Site<"InstanceNormalization"> | Site<"GroupNormalization">,
): TensorType {
  const x = site.input(0, FLOATS);
  const channels = x.shape[1];
  if (channels === undefined) throw site.shape(`the input ${showShape(x.shape)} must be [N, C, …]`);
  for (let i = 1; i < site.node.inputs.length; i++) {
    site.input(i, FLOATS);
    site.unify(site.rank(i, 1).shape[0] ?? 1, channels, `input ${i} does not have one number per channel`);
  }
  return x;
}
