/** Operators that read or write images at places of their own. */
import { arity, int, type OpSpecs, word } from "./spec.ts";

export interface SamplingAttributes {
  /** matrices [N, 2, 3], size of an image (constant) → where each of its pixels lies, [N, H, W, 2]; or in 3-D */
  AffineGrid: { readonly align_corners: number };
  /** blocks side by side [N, C · block, places], image size, block size (both constant) → their sum, [N, C, …image] */
  Col2Im: {
    readonly dilations: readonly number[];
    readonly pads: readonly number[];
    readonly strides: readonly number[];
  };
  /** x [N, C, H, W], places [N, h, w, 2] of (x, y) between −1 and 1 → [N, C, h, w] */
  GridSample: {
    readonly align_corners: number;
    readonly mode: "linear" | "nearest";
    readonly padding_mode: "zeros" | "border" | "reflection";
  };
}

const derivedInts = { kind: "ints", presence: "derived" } as const;

export const samplingOps: OpSpecs<SamplingAttributes> = {
  AffineGrid: arity(2, 2, { align_corners: int(0) }),
  Col2Im: arity(3, 3, { dilations: derivedInts, pads: derivedInts, strides: derivedInts }),
  GridSample: arity(2, 2, {
    align_corners: int(0),
    mode: word("linear", "nearest"),
    padding_mode: word("zeros", "border", "reflection"),
  }),
};
