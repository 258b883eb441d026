/** Cases of: pools over [N, C, …spatial]. */
import type { PoolingAttributes } from "../../ops/pooling.ts";
import type { None } from "../../ops/spec.ts";
import type { Draw, OpCases, OpInput } from "./draw.ts";
import { image, window } from "./window.ts";

function globalPool(r: Draw): { inputs: OpInput[]; attributes: None } {
  return { inputs: [r.floats(image(r, r.int(1, 3), r.int(1, 2)))], attributes: {} };
}

export const poolingCases: OpCases<keyof PoolingAttributes> = {
  MaxPool: (r) => {
    const rank = r.int(1, 2);
    return {
      inputs: [r.floats(image(r, 2, rank))],
      attributes: { ...window(r, rank), ceil_mode: r.bit(), storage_order: 0 },
      outputs: r.int(1, 2),
    };
  },
  AveragePool: (r) => {
    const rank = r.int(1, 2);
    return {
      inputs: [r.floats(image(r, 2, rank))],
      attributes: { ...window(r, rank), ceil_mode: r.bit(), count_include_pad: r.bit() },
    };
  },
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
};
