/**
 * Every layer: a function of the builder, a value and options, with the defaults of PyTorch.
 *
 * A layer's parameters are `<layer>.weight` and `<layer>.bias`; a layer without a name is named by its kind and number.
 * docs/reference/builder.md shows each.
 */
import {
  activation,
  gelu,
  glu,
  leakyRelu,
  logSoftmax,
  prelu,
  relu,
  sigmoid,
  silu,
  softmax,
  tanh,
} from "./layers/activation.ts";
import {
  adaptiveAveragePool1d,
  adaptiveAveragePool2d,
  adaptiveMaxPool1d,
  adaptiveMaxPool2d,
} from "./layers/adaptive-pooling.ts";
import { add, div, einsum, matmul, max, mean, mul, normalize, pow, sub, sum } from "./layers/arithmetic.ts";
import { attention, causalSelfAttention, groupedQueryAttention } from "./layers/attention.ts";
import { repeat, residual, sequence } from "./layers/composition.ts";
import {
  conv1d,
  conv2d,
  conv3d,
  convTranspose1d,
  convTranspose2d,
  convTranspose3d,
  depthwiseConv2d,
  separableConv2d,
} from "./layers/convolution.ts";
import { dropout } from "./layers/dropout.ts";
import { embedding, learnedPositions, sinusoidalPositions, timeEmbedding } from "./layers/embedding.ts";
import { llamaBlock, transformerBlock } from "./layers/language.ts";
import { linear } from "./layers/linear.ts";
import {
  batchNorm1d,
  batchNorm2d,
  batchNorm3d,
  groupNorm,
  instanceNorm,
  layerNorm,
  rmsNorm,
} from "./layers/normalization.ts";
import {
  averagePool1d,
  averagePool2d,
  averagePool3d,
  globalAveragePool,
  globalMaxPool,
  maxPool1d,
  maxPool2d,
  maxPool3d,
} from "./layers/pooling.ts";
import { gru, lstm, rnn } from "./layers/recurrent.ts";
import { pixelShuffle, pixelUnshuffle, upsample } from "./layers/resize.ts";
import { rotaryPositions } from "./layers/rotary.ts";
import {
  concat,
  flatten,
  pad,
  reshape,
  slice,
  split,
  squeeze,
  transpose,
  unsqueeze,
} from "./layers/shape.ts";
import {
  transformer,
  transformerDecoder,
  transformerDecoderLayer,
  transformerEncoder,
  transformerEncoderLayer,
} from "./layers/transformer.ts";
import { basicBlock, doubleConv, unet } from "./layers/vision.ts";

export const LAYERS = {
  linear,
  conv1d,
  conv2d,
  conv3d,
  convTranspose1d,
  convTranspose2d,
  convTranspose3d,
  depthwiseConv2d,
  separableConv2d,
  maxPool1d,
  maxPool2d,
  maxPool3d,
  averagePool1d,
  averagePool2d,
  averagePool3d,
  globalAveragePool,
  globalMaxPool,
  adaptiveAveragePool1d,
  adaptiveAveragePool2d,
  adaptiveMaxPool1d,
  adaptiveMaxPool2d,
  batchNorm1d,
  batchNorm2d,
  batchNorm3d,
  layerNorm,
  rmsNorm,
  groupNorm,
  instanceNorm,
  activation,
  relu,
  leakyRelu,
  prelu,
  gelu,
  silu,
  glu,
  sigmoid,
  tanh,
  softmax,
  logSoftmax,
  dropout,
  embedding,
  learnedPositions,
  sinusoidalPositions,
  rotaryPositions,
  timeEmbedding,
  lstm,
  gru,
  rnn,
  attention,
  causalSelfAttention,
  groupedQueryAttention,
  transformerBlock,
  llamaBlock,
  transformerEncoderLayer,
  transformerDecoderLayer,
  transformerEncoder,
  transformerDecoder,
  transformer,
  basicBlock,
  doubleConv,
  unet,
  add,
  sub,
  mul,
  div,
  pow,
  matmul,
  einsum,
  sum,
  mean,
  max,
  normalize,
  reshape,
  flatten,
  transpose,
  squeeze,
  unsqueeze,
  concat,
  split,
  slice,
  pad,
  upsample,
  pixelShuffle,
  pixelUnshuffle,
  sequence,
  repeat,
  residual,
};
