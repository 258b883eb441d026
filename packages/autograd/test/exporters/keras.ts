/**
 * Models as tf2onnx spells Keras: channels last, with transposes around each convolution that the next one does not undo,
 * names of the traced call, sizes through int32, products and sums apart, no Gemm.
 */
import { float, i64, int, ints, text, wave } from "../../src/onnx/testing/file-model.ts";
import { type Exported, exported, node, ROWS, tokens } from "./exported.ts";

const CALL = "StatefulPartitionedCall/sequential";
const [TIME, FEATURES, HIDDEN, WIDTH, HEADS] = [4, 3, 3, 4, 2];

/** Conv2D(same), BatchNormalization, DepthwiseConv2D, MaxPooling2D, Flatten, Dense. */
const convolutions: Exported = exported({
  name: "tf2onnx: convolutions, channels last",
  opset: 13,
  inputs: new Map([["conv2d_input", wave([ROWS, 6, 6, 2], 1)]]),
  open: { conv2d_input: ["unk__42", 6, 6, 2] },
  outputs: ["dense"],
  weights: {
    [`${CALL}/conv2d/Conv2D/ReadVariableOp:0`]: [4, 2, 3, 3],
    [`${CALL}/conv2d/BiasAdd/ReadVariableOp:0`]: [4],
    [`${CALL}/batch_normalization/ReadVariableOp:0`]: [4],
    [`${CALL}/batch_normalization/ReadVariableOp_1:0`]: [4],
    [`${CALL}/depthwise_conv2d/depthwise_weights:0`]: [4, 1, 3, 3],
    [`${CALL}/dense/MatMul/ReadVariableOp:0`]: [4, 3],
    [`${CALL}/dense/BiasAdd/ReadVariableOp:0`]: [3],
  },
  tables: {
    [`${CALL}/batch_normalization/moving_mean:0`]: wave([4], 5),
    [`${CALL}/batch_normalization/moving_variance:0`]: {
      dtype: "float32",
      shape: [4],
      data: Float32Array.of(1, 0.5, 2, 1),
    },
    const_slice__25: i64([1], [0]),
    const_ends__26: i64([1], [1]),
    const_fold_opt__27: i64([1], [4]),
  },
  nodes: [
    node("Transpose", ["conv2d_input"], `${CALL}/conv2d/Conv2D__6:0`, ints("perm", [0, 3, 1, 2])),
    node(
      "Conv",
      [
        `${CALL}/conv2d/Conv2D__6:0`,
        `${CALL}/conv2d/Conv2D/ReadVariableOp:0`,
        `${CALL}/conv2d/BiasAdd/ReadVariableOp:0`,
      ],
      `${CALL}/conv2d/BiasAdd:0`,
      ints("dilations", [1, 1]),
      ints("strides", [2, 2]),
      ints("kernel_shape", [3, 3]),
      text("auto_pad", "SAME_UPPER"),
      int("group", 1),
    ),
    node("Relu", [`${CALL}/conv2d/BiasAdd:0`], `${CALL}/conv2d/Relu:0`),
    node(
      "BatchNormalization",
      [
        `${CALL}/conv2d/Relu:0`,
        `${CALL}/batch_normalization/ReadVariableOp:0`,
        `${CALL}/batch_normalization/ReadVariableOp_1:0`,
        `${CALL}/batch_normalization/moving_mean:0`,
        `${CALL}/batch_normalization/moving_variance:0`,
      ],
      `${CALL}/batch_normalization/FusedBatchNormV3:0`,
      float("epsilon", 1e-3),
    ),
    node(
      "Conv",
      [`${CALL}/batch_normalization/FusedBatchNormV3:0`, `${CALL}/depthwise_conv2d/depthwise_weights:0`],
      `${CALL}/depthwise_conv2d/depthwise:0`,
      ints("pads", [1, 1, 1, 1]),
      int("group", 4),
    ),
    // Padding of its own in front of a pool, and the pool's ends beyond.
    node(
      "MaxPool",
      [`${CALL}/depthwise_conv2d/depthwise:0`],
      `${CALL}/max_pooling2d/MaxPool:0`,
      ints("kernel_shape", [2, 2]),
      ints("strides", [2, 2]),
      text("auto_pad", "VALID"),
    ),
    node(
      "Transpose",
      [`${CALL}/max_pooling2d/MaxPool:0`],
      `${CALL}/max_pooling2d/MaxPool__30:0`,
      ints("perm", [0, 2, 3, 1]),
    ),
    // tf.shape is int32; what follows reads the batch out of it and joins it with what is known.
    node("Shape", [`${CALL}/max_pooling2d/MaxPool__30:0`], `${CALL}/flatten/Shape__31:0`),
    node("Cast", [`${CALL}/flatten/Shape__31:0`], `${CALL}/flatten/Shape:0`, int("to", 6)),
    node("Cast", [`${CALL}/flatten/Shape:0`], `${CALL}/flatten/strided_slice__32:0`, int("to", 7)),
    node(
      "Slice",
      [`${CALL}/flatten/strided_slice__32:0`, "const_slice__25", "const_ends__26", "const_slice__25"],
      `${CALL}/flatten/strided_slice:0`,
    ),
    node(
      "Concat",
      [`${CALL}/flatten/strided_slice:0`, "const_fold_opt__27"],
      `${CALL}/flatten/Reshape__33:0`,
      int("axis", 0),
    ),
    node(
      "Reshape",
      [`${CALL}/max_pooling2d/MaxPool__30:0`, `${CALL}/flatten/Reshape__33:0`],
      `${CALL}/flatten/Reshape:0`,
    ),
    node(
      "MatMul",
      [`${CALL}/flatten/Reshape:0`, `${CALL}/dense/MatMul/ReadVariableOp:0`],
      `${CALL}/dense/MatMul:0`,
    ),
    node("Add", [`${CALL}/dense/MatMul:0`, `${CALL}/dense/BiasAdd/ReadVariableOp:0`], "dense"),
  ],
});

/** Embedding, Bidirectional-less LSTM(return_sequences), GlobalAveragePooling1D, Dense; the states start as zeros of the batch's size. */
const recurrent: Exported = exported({
  name: "tf2onnx: embedding, LSTM, GRU",
  opset: 15,
  inputs: new Map([
    [
      "embedding_input",
      {
        dtype: "float32",
        shape: [ROWS, TIME],
        data: Float32Array.from(tokens([ROWS, TIME], 6).data, Number),
      },
    ],
  ]),
  open: { embedding_input: ["unk__77", TIME] },
  outputs: ["dense"],
  weights: {
    [`${CALL}/embedding/embedding_lookup/Read/ReadVariableOp:0`]: [6, FEATURES],
    LSTM__W: [1, 4 * HIDDEN, FEATURES],
    LSTM__R: [1, 4 * HIDDEN, HIDDEN],
    LSTM__B: [1, 8 * HIDDEN],
    GRU__W: [1, 3 * HIDDEN, HIDDEN],
    GRU__R: [1, 3 * HIDDEN, HIDDEN],
    GRU__B: [1, 6 * HIDDEN],
    [`${CALL}/dense/MatMul/ReadVariableOp:0`]: [HIDDEN, 2],
    [`${CALL}/dense/BiasAdd/ReadVariableOp:0`]: [2],
  },
  tables: {
    const_zero: i64([1], [0]),
    const_one: i64([1], [1]),
    const_hidden: i64([1], [HIDDEN]),
    const_axes_0: i64([1], [0]),
    const_axes_1: i64([1], [1]),
    zero__scalar: { dtype: "float32", shape: [], data: Float32Array.of(0) },
  },
  nodes: [
    node("Cast", ["embedding_input"], `${CALL}/embedding/Cast:0`, int("to", 6)),
    node(
      "Gather",
      [`${CALL}/embedding/embedding_lookup/Read/ReadVariableOp:0`, `${CALL}/embedding/Cast:0`],
      `${CALL}/embedding/embedding_lookup:0`,
      int("axis", 0),
    ),
    // zeros([batch, units])
    node("Shape", [`${CALL}/embedding/embedding_lookup:0`], `${CALL}/lstm/Shape:0`),
    node(
      "Slice",
      [`${CALL}/lstm/Shape:0`, "const_zero", "const_one", "const_axes_0"],
      `${CALL}/lstm/strided_slice:0`,
    ),
    node(
      "Concat",
      [`${CALL}/lstm/strided_slice:0`, "const_hidden"],
      `${CALL}/lstm/zeros/packed:0`,
      int("axis", 0),
    ),
    node("Expand", ["zero__scalar", `${CALL}/lstm/zeros/packed:0`], `${CALL}/lstm/zeros:0`),
    node("Unsqueeze", [`${CALL}/lstm/zeros:0`, "const_axes_0"], `${CALL}/lstm/initial_h:0`),
    node(
      "Transpose",
      [`${CALL}/embedding/embedding_lookup:0`],
      `${CALL}/lstm/transpose:0`,
      ints("perm", [1, 0, 2]),
    ),
    node(
      "LSTM",
      [
        `${CALL}/lstm/transpose:0`,
        "LSTM__W",
        "LSTM__R",
        "LSTM__B",
        "",
        `${CALL}/lstm/initial_h:0`,
        `${CALL}/lstm/initial_h:0`,
      ],
      ["LSTM__Y", "LSTM__Y_h", "LSTM__Y_c"],
      text("direction", "forward"),
      int("hidden_size", HIDDEN),
      {
        name: "activations",
        type: 8,
        strings: ["Sigmoid", "Tanh", "Tanh"].map((word) => new TextEncoder().encode(word)),
      },
      int("input_forget", 0),
    ),
    node("Squeeze", ["LSTM__Y", "const_axes_1"], `${CALL}/lstm/while:4`),
    node(
      "GRU",
      [`${CALL}/lstm/while:4`, "GRU__W", "GRU__R", "GRU__B"],
      ["GRU__Y", ""],
      int("hidden_size", HIDDEN),
      int("linear_before_reset", 1),
    ),
    node("Squeeze", ["GRU__Y", "const_axes_1"], `${CALL}/gru/while:4`),
    node("Transpose", [`${CALL}/gru/while:4`], `${CALL}/gru/transpose_1:0`, ints("perm", [1, 0, 2])),
    node(
      "ReduceMean",
      [`${CALL}/gru/transpose_1:0`],
      `${CALL}/global_average_pooling1d/Mean:0`,
      ints("axes", [1]),
      int("keepdims", 0),
    ),
    node(
      "MatMul",
      [`${CALL}/global_average_pooling1d/Mean:0`, `${CALL}/dense/MatMul/ReadVariableOp:0`],
      `${CALL}/dense/MatMul:0`,
    ),
    node("Add", [`${CALL}/dense/MatMul:0`, `${CALL}/dense/BiasAdd/ReadVariableOp:0`], "dense"),
  ],
});

const ATTENTION = `${CALL}/multi_head_attention`;
const projection = (name: string, x: string) => [
  node(
    "Einsum",
    [x, `${ATTENTION}/${name}/kernel:0`],
    `${ATTENTION}/${name}/einsum:0`,
    text("equation", "abc,cde->abde"),
  ),
  node("Add", [`${ATTENTION}/${name}/einsum:0`, `${ATTENTION}/${name}/bias:0`], `${ATTENTION}/${name}/add:0`),
];

/** MultiHeadAttention by einsum, LayerNormalization by moments, gelu by erf, mean over the positions. */
const attention: Exported = exported({
  name: "tf2onnx: attention by einsum, layer norm by moments",
  opset: 17,
  inputs: new Map([["input_1", wave([ROWS, TIME, WIDTH], 1)]]),
  open: { input_1: ["unk__9", TIME, WIDTH] },
  outputs: ["y"],
  weights: {
    [`${ATTENTION}/query/kernel:0`]: [WIDTH, HEADS, 3],
    [`${ATTENTION}/query/bias:0`]: [HEADS, 3],
    [`${ATTENTION}/key/kernel:0`]: [WIDTH, HEADS, 3],
    [`${ATTENTION}/key/bias:0`]: [HEADS, 3],
    [`${ATTENTION}/value/kernel:0`]: [WIDTH, HEADS, 3],
    [`${ATTENTION}/value/bias:0`]: [HEADS, 3],
    [`${ATTENTION}/attention_output/kernel:0`]: [HEADS, 3, WIDTH],
    [`${ATTENTION}/attention_output/bias:0`]: [WIDTH],
    [`${CALL}/layer_normalization/gamma:0`]: [WIDTH],
    [`${CALL}/layer_normalization/beta:0`]: [WIDTH],
  },
  tables: {
    const_scale: { dtype: "float32", shape: [], data: Float32Array.of(1 / Math.sqrt(3)) },
    const_epsilon: { dtype: "float32", shape: [], data: Float32Array.of(1e-3) },
    const_one: { dtype: "float32", shape: [], data: Float32Array.of(1) },
    const_half: { dtype: "float32", shape: [], data: Float32Array.of(0.5) },
    const_root2: { dtype: "float32", shape: [], data: Float32Array.of(Math.SQRT2) },
  },
  nodes: [
    ...projection("query", "input_1"),
    ...projection("key", "input_1"),
    ...projection("value", "input_1"),
    node("Mul", [`${ATTENTION}/query/add:0`, "const_scale"], `${ATTENTION}/Mul:0`),
    node(
      "Einsum",
      [`${ATTENTION}/key/add:0`, `${ATTENTION}/Mul:0`],
      `${ATTENTION}/einsum/Einsum:0`,
      text("equation", "aecd,abcd->acbe"),
    ),
    node("Softmax", [`${ATTENTION}/einsum/Einsum:0`], `${ATTENTION}/softmax/Softmax:0`, int("axis", 3)),
    node(
      "Einsum",
      [`${ATTENTION}/softmax/Softmax:0`, `${ATTENTION}/value/add:0`],
      `${ATTENTION}/einsum_1/Einsum:0`,
      text("equation", "acbe,aecd->abcd"),
    ),
    node(
      "Einsum",
      [`${ATTENTION}/einsum_1/Einsum:0`, `${ATTENTION}/attention_output/kernel:0`],
      `${ATTENTION}/attention_output/einsum:0`,
      text("equation", "abcd,cde->abe"),
    ),
    node(
      "Add",
      [`${ATTENTION}/attention_output/einsum:0`, `${ATTENTION}/attention_output/bias:0`],
      `${ATTENTION}/attention_output/add:0`,
    ),
    node("Add", [`${ATTENTION}/attention_output/add:0`, "input_1"], `${CALL}/add/add:0`),
    // tf.nn.moments and batch_normalization.
    node(
      "ReduceMean",
      [`${CALL}/add/add:0`],
      `${CALL}/layer_normalization/moments/mean:0`,
      ints("axes", [2]),
      int("keepdims", 1),
    ),
    node(
      "Sub",
      [`${CALL}/add/add:0`, `${CALL}/layer_normalization/moments/mean:0`],
      "SquaredDifference__50:0",
    ),
    node(
      "Mul",
      ["SquaredDifference__50:0", "SquaredDifference__50:0"],
      `${CALL}/layer_normalization/moments/SquaredDifference:0`,
    ),
    node(
      "ReduceMean",
      [`${CALL}/layer_normalization/moments/SquaredDifference:0`],
      `${CALL}/layer_normalization/moments/variance:0`,
      ints("axes", [2]),
      int("keepdims", 1),
    ),
    node(
      "Add",
      [`${CALL}/layer_normalization/moments/variance:0`, "const_epsilon"],
      `${CALL}/layer_normalization/batchnorm/add:0`,
    ),
    node("Sqrt", [`${CALL}/layer_normalization/batchnorm/add:0`], "Rsqrt__52:0"),
    node("Reciprocal", ["Rsqrt__52:0"], `${CALL}/layer_normalization/batchnorm/Rsqrt:0`),
    node(
      "Mul",
      [`${CALL}/layer_normalization/batchnorm/Rsqrt:0`, `${CALL}/layer_normalization/gamma:0`],
      `${CALL}/layer_normalization/batchnorm/mul:0`,
    ),
    node(
      "Mul",
      [`${CALL}/add/add:0`, `${CALL}/layer_normalization/batchnorm/mul:0`],
      `${CALL}/layer_normalization/batchnorm/mul_1:0`,
    ),
    node(
      "Mul",
      [`${CALL}/layer_normalization/moments/mean:0`, `${CALL}/layer_normalization/batchnorm/mul:0`],
      `${CALL}/layer_normalization/batchnorm/mul_2:0`,
    ),
    node(
      "Sub",
      [`${CALL}/layer_normalization/beta:0`, `${CALL}/layer_normalization/batchnorm/mul_2:0`],
      `${CALL}/layer_normalization/batchnorm/sub:0`,
    ),
    node(
      "Add",
      [`${CALL}/layer_normalization/batchnorm/mul_1:0`, `${CALL}/layer_normalization/batchnorm/sub:0`],
      `${CALL}/layer_normalization/batchnorm/add_1:0`,
    ),
    node("Div", [`${CALL}/layer_normalization/batchnorm/add_1:0`, "const_root2"], "Gelu/truediv:0"),
    node("Erf", ["Gelu/truediv:0"], "Gelu/Erf:0"),
    node("Add", ["Gelu/Erf:0", "const_one"], "Gelu/add:0"),
    node("Mul", [`${CALL}/layer_normalization/batchnorm/add_1:0`, "const_half"], "Gelu/mul:0"),
    node("Mul", ["Gelu/mul:0", "Gelu/add:0"], "Gelu/mul_1:0"),
    node("ReduceMean", ["Gelu/mul_1:0"], "y", ints("axes", [1]), int("keepdims", 0)),
  ],
});

export const KERAS: readonly Exported[] = [convolutions, recurrent, attention];
