/** Pools over [N, C, …spatial]. */
import { arity, bit, int, type None, type OpSpecs, unary, type Window, window } from "./spec.ts";

export interface PoolingAttributes {
  /** x → y, indices? */
  MaxPool: Window & { readonly ceil_mode: number; readonly storage_order: number };
  AveragePool: Window & { readonly ceil_mode: number; readonly count_include_pad: number };
  LpPool: Window & { readonly ceil_mode: number; readonly p: number };
  /** x, indices (into the whole of y), output_shape? */
  MaxUnpool: Omit<Window, "dilations">;
  GlobalAveragePool: None;
  GlobalLpPool: { readonly p: number };
  GlobalMaxPool: None;
}

export const poolingOps: OpSpecs<PoolingAttributes> = {
  MaxPool: arity(1, 1, { ...window, ceil_mode: bit(0), storage_order: bit(0) }, 2),
  AveragePool: arity(1, 1, { ...window, ceil_mode: bit(0), count_include_pad: bit(0) }),
  LpPool: arity(1, 1, { ...window, ceil_mode: bit(0), p: int(2) }),
  MaxUnpool: arity(2, 3, {
    kernel_shape: window.kernel_shape,
    strides: window.strides,
    pads: window.pads,
  }),
  GlobalAveragePool: unary,
  GlobalLpPool: arity(1, 1, { p: int(2) }),
  GlobalMaxPool: unary,
};
