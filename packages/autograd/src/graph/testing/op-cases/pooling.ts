/** Cases of: pools over [N, C, …spatial]. */
import type { PoolingAttributes } from "../../ops/pooling.ts";
import type { None } from "../../ops/spec.ts";
import { sizeOfShape } from "../../shape.ts";
import { type Draw, input, ints, type OpCases, type OpInput } from "./draw.ts";
import { image, window } from "./window.ts";

function globalPool(r: Draw): { inputs: OpInput[]; attributes: None } {
  return { inputs: [r.floats(image(r, r.int(1, 3), r.int(1, 3)))], attributes: {} };
}

export const poolingCases: OpCases<keyof PoolingAttributes> = {
  MaxPool: (r) => {
    const rank = r.int(1, 3);
    return {
      inputs: [r.floats(image(r, 2, rank))],
      attributes: { ...window(r, rank), ceil_mode: r.bit(), storage_order: r.bit() },
      outputs: r.int(1, 2),
    };
  },
  AveragePool: (r) => {
    const rank = r.int(1, 3);
    return {
      inputs: [r.floats(image(r, 2, rank))],
      attributes: { ...window(r, rank), ceil_mode: r.bit(), count_include_pad: r.bit() },
    };
  },
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
  LpPool: (r) => {
    const rank = r.int(1, 2);
    return {
      inputs: [r.floats(image(r, 2, rank))],
      attributes: { ...window(r, rank), ceil_mode: r.bit(), p: r.int(1, 3) },
    };
  },
  MaxUnpool: (r) => {
    const kernel = r.list(2, 2, 3);
    const shape = [1, 2, r.int(1, 3), r.int(1, 3)];
    const whole = shape.map((dim, i) => (i < 2 ? dim : dim * (kernel[i - 2] ?? 1)));
    const places = r.permutation(sizeOfShape(whole)).slice(0, sizeOfShape(shape));
    const inputs = [r.floats(shape), input(shape, "int64", places)];
    if (r.flag()) inputs.push(ints(whole));
    return { inputs, attributes: { kernel_shape: kernel, strides: kernel, pads: [0, 0, 0, 0] } };
  },
  GlobalLpPool: (r) => ({ ...globalPool(r), attributes: { p: r.int(1, 3) } }),
};
