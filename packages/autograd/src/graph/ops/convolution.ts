/** Convolutions over [N, C, …spatial]. */
import { arity, int, type OpSpecs, type Window, window } from "./spec.ts";

export interface ConvolutionAttributes {
  /** x, w, b? */
  Conv: Window & { readonly group: number };
  /** x, w, b?; `output_shape` never appears: the reader turns it into `pads` and `output_padding`. */
  ConvTranspose: Window & { readonly group: number; readonly output_padding: readonly number[] };
}

export const convolutionOps: OpSpecs<ConvolutionAttributes> = {
  Conv: arity(2, 3, { ...window, group: int(1) }),
  ConvTranspose: arity(2, 3, {
    ...window,
    group: int(1),
    output_padding: { kind: "ints", presence: "derived" },
  }),
};
