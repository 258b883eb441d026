/** Types of convolutions and pooling over [N, C, …spatial]. */
import { addDims, floorDivide, mulDims, subDims } from "../dim.ts";
import { showShape } from "../fault.ts";
import type { ConvolutionAttributes } from "../ops/convolution.ts";
import type { PoolingAttributes } from "../ops/pooling.ts";
import type { Window } from "../ops/spec.ts";
import { sizeOfShape } from "../shape.ts";
import type { Dim, TensorType } from "../tensor.ts";
import { FLOATS, type Rules, type Site } from "./site.ts";

type PoolOp = "MaxPool" | "AveragePool" | "LpPool";
type GlobalOp = "GlobalAveragePool" | "GlobalLpPool" | "GlobalMaxPool";
type WindowOp = PoolOp | "Conv" | "ConvTranspose" | "MaxUnpool";

export const convolution: Rules<keyof ConvolutionAttributes | keyof PoolingAttributes> = {
  Conv: (site) => {
    const { x, w, dtype } = convolutionInputs(site);
    const { group } = site.attributes;
    const [batch = 1, channels = 1] = x;
    const [features = 1, perGroup = 1] = w;
    site.unify(
      channels,
      times(perGroup, group),
      `${channels} channels come in, the weight ${showShape(w)} in ${group} groups takes another number`,
    );
    if (typeof features === "number" && features % group !== 0)
      throw site.shape(`${features} features do not split into ${group} groups`);
    bias(site, features);
    return [{ dtype, shape: [batch, features, ...windowed(site, site.attributes, x.slice(2), false)] }];
  },
  ConvTranspose: (site) => {
    const { x, w, dtype } = convolutionInputs(site);
    const { group, output_padding: outputPadding } = site.attributes;
    const [batch = 1, channels = 1] = x;
    const [inChannels = 1, perGroup = 1] = w;
    site.unify(
      channels,
      inChannels,
      `${channels} channels come in, the weight ${showShape(w)} takes another number`,
    );
    const features = times(perGroup, group);
    bias(site, features);
    const spatial = x.slice(2).map((dim, i) => {
      const { kernel, stride, dilation, begin, end } = axisOf(site.attributes, i, x.length - 2);
      const added = (outputPadding[i] ?? 0) + (kernel - 1) * dilation + 1 - begin - end;
      return checkPositive(site, site.dimOr(addDims(mulDims(subDims(dim, 1), stride), added)));
    });
    return [{ dtype, shape: [batch, features, ...spatial] }];
  },
  MaxPool: (site) => {
    const y = pool(site);
    return [y, { dtype: "int64", shape: y.shape }];
  },
  AveragePool: (site) => [pool(site)],
  LpPool: (site) => [pool(site)],
  MaxUnpool: (site) => {
    const { attributes } = site;
    const { dtype, shape } = spatialInput(site, {
      ...attributes,
      dilations: attributes.kernel_shape.map(() => 1),
    });
    site.input(1, ["int64"]);
    site.rank(1, shape.length).shape.forEach((dim, i) => {
      site.unify(dim, shape[i] ?? dim, "x and the indices differ");
    });
    if (site.has(2)) {
      const given = site.known(2)?.elements;
      return [{ dtype, shape: shape.map((_, i) => site.dimOr(given?.[i])) }];
    }
    const spatial = shape.slice(2).map((dim, i) => {
      const { kernel, stride, begin, end } = axisOf({ ...attributes, dilations: [] }, i, shape.length - 2);
      return checkPositive(site, site.dimOr(addDims(mulDims(subDims(dim, 1), stride), kernel - begin - end)));
    });
    return [{ dtype, shape: [...shape.slice(0, 2), ...spatial] }];
  },
  GlobalAveragePool: global,
  GlobalLpPool: global,
  GlobalMaxPool: global,
};

function pool(site: Site<PoolOp>): TensorType {
  const { dtype, shape } = spatialInput(site, site.attributes);
  const spatial = windowed(site, site.attributes, shape.slice(2), site.attributes.ceil_mode !== 0);
  return { dtype, shape: [...shape.slice(0, 2), ...spatial] };
}

function global(site: Site<GlobalOp>): readonly TensorType[] {
  const { dtype, shape } = site.input(0, FLOATS);
  if (shape.length < 3) throw site.shape(`${showShape(shape)} has no spatial axes`);
  return [{ dtype, shape: shape.map((dim, i): Dim => (i < 2 ? dim : 1)) }];
}

function convolutionInputs(site: Site<"Conv"> | Site<"ConvTranspose">) {
  const { shape: x } = spatialInput(site, site.attributes);
  const { shape: w } = site.input(1, FLOATS);
  if (w.length !== x.length)
    throw site.shape(`the input ${showShape(x)} and the weight ${showShape(w)} differ in rank`);
  if (site.attributes.group < 1) throw site.attribute("group must be 1 or more");
  site.attributes.kernel_shape.forEach((size, i) => {
    site.unify(w[i + 2] ?? size, size, "kernel_shape differs from the weight");
  });
  return { x, w, dtype: site.sameDType(site.inputs(FLOATS)) };
}

function spatialInput(site: Site<WindowOp>, window: Window): TensorType {
  const type = site.input(0, FLOATS);
  const rank = type.shape.length - 2;
  if (rank < 1) throw site.shape(`the input ${showShape(type.shape)} must be [N, C, …spatial]`);
  const { kernel_shape: kernel, strides, dilations, pads } = window;
  for (const [name, values, length, min] of [
    ["kernel_shape", kernel, rank, 1],
    ["strides", strides, rank, 1],
    ["dilations", dilations, rank, 1],
    ["pads", pads, 2 * rank, 0],
  ] as const) {
    if (values.length !== length || values.some((value) => value < min)) {
      throw site.attribute(`${name} [${values.join(", ")}] must be ${length} numbers of ${min} or more`);
    }
  }
  return type;
}

function bias(site: Site<"Conv"> | Site<"ConvTranspose">, features: Dim): void {
  if (!site.has(2)) return;
  const { shape } = site.rank(2, 1);
  site.unify(shape[0] ?? 1, features, "the bias does not have one number per feature");
}

function windowed(site: Site<WindowOp>, window: Window, spatial: readonly Dim[], ceil: boolean): Dim[] {
  return spatial.map((dim, i) => {
    const { kernel, stride, dilation, begin, end } = axisOf(window, i, spatial.length);
    const room = subDims(addDims(dim, begin + end), dilation * (kernel - 1) + 1);
    if (typeof room === "number" && room < 0) {
      throw site.shape(
        `a window of ${dilation * (kernel - 1) + 1} does not fit into ${dim} with pads ${begin} and ${end}`,
      );
    }
    let steps = floorDivide(ceil ? addDims(room, stride - 1) : room, stride);
    // The last window must start inside the input or its leading padding.
    if (ceil && typeof steps === "number" && typeof dim === "number" && steps * stride >= dim + begin)
      steps -= 1;
    return checkPositive(site, site.dimOr(addDims(steps, 1)));
  });
}

function axisOf(window: Window, axis: number, rank: number) {
  return {
    kernel: window.kernel_shape[axis] ?? 1,
    stride: window.strides[axis] ?? 1,
    dilation: window.dilations[axis] ?? 1,
    begin: window.pads[axis] ?? 0,
    end: window.pads[axis + rank] ?? 0,
  };
}

function checkPositive(site: Site<WindowOp>, dim: Dim): Dim {
  if (typeof dim === "number" && dim < 1) throw site.shape(`the result would have a size of ${dim}`);
  return dim;
}

function times(dim: Dim, by: number): Dim {
  return mulDims(dim, by) ?? sizeOfShape([by]);
}
