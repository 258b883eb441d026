/** What to change where an operator does not fit its inputs; the sentence before it names both shapes. */
import type { OpKind } from "../graph/ops.ts";

const WINDOW = "take a smaller kernel or dilation, or more padding";
const BROADCAST =
  "make their sizes equal, or 1, from the last axis backwards: reshape or transpose one of them, or bring it to size with a linear layer";
const AXES = "name axes that it has: 0 is the first, -1 the last";

const ADVICE: { readonly [K in OpKind]?: string } = {
  Conv: WINDOW,
  ConvTranspose: WINDOW,
  MaxPool: WINDOW,
  AveragePool: WINDOW,
  Add: BROADCAST,
  Sub: BROADCAST,
  Mul: BROADCAST,
  Div: BROADCAST,
  Pow: BROADCAST,
  Max: BROADCAST,
  Min: BROADCAST,
  Where: BROADCAST,
  PRelu: BROADCAST,
  MatMul:
    "the last axis of the first must be as long as the second-last of the second: transpose one of them",
  Gemm: "the last axis of the input must be as long as the weight's: give outFeatures of the layer before it",
  Concat: "all axes but the joined one must agree: pad, slice or pool one of them",
  Reshape: "the sizes must multiply to as many elements",
  Gather: "indices are int64 or int32: declare the input so",
  Split: "give sizes that add up to the axis",
  Transpose: "name each axis once",
  Squeeze: "only axes of size 1 can go",
  Unsqueeze: AXES,
  Softmax: AXES,
  LogSoftmax: AXES,
  DepthToSpace: "the channels must divide by the square of the factor",
  SpaceToDepth: "height and width must divide by the factor",
  Flatten: AXES,
};

export function adviceFor(op: OpKind): string {
  return ADVICE[op] ?? "change the layer, or what it is given";
}
