/** Pools over [N, C, …spatial]. */
import { arity, int, type None, type OpSpecs, unary, type Window, window } from "./spec.ts";

export interface PoolingAttributes {
  /** x → y, indices? */
  MaxPool: Window & { readonly ceil_mode: number; readonly storage_order: number };
  AveragePool: Window & { readonly ceil_mode: number; readonly count_include_pad: number };
  GlobalAveragePool: None;
  GlobalMaxPool: None;
}

export const poolingOps: OpSpecs<PoolingAttributes> = {
  MaxPool: arity(1, 1, { ...window, ceil_mode: int(0), storage_order: int(0) }, 2),
  AveragePool: arity(1, 1, { ...window, ceil_mode: int(0), count_include_pad: int(0) }),
  GlobalAveragePool: unary,
  GlobalMaxPool: unary,
};
