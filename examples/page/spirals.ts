/** Two spirals, one per class, and a network that can tell them apart. */
import { defineModel, type Graph, type ProgramOptions, type Tensor } from "@pingo/autograd/browser";

const ROWS = 400;
const TURNS = 1.5;

export const SPIRALS: ProgramOptions = {
  fields: [
    { name: "point", dtype: "float32", rowShape: [2] },
    { name: "spiral", dtype: "int64", rowShape: [] },
  ],
  target: "spiral",
  loss: "softmax-cross-entropy",
  optimizer: { adamw: { learningRate: 0.01, weightDecay: 0, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } },
  batchSize: 64,
};

export function spiralModel(): Graph {
  const inputs = { point: { dtype: "float32", shape: ["batch", 2] } } as const;
  return defineModel({ name: "spirals", seed: 1, inputs }, (b, { point }) => {
    const hidden = b.tanh(b.linear(b.tanh(b.linear(point, { outFeatures: 32 })), { outFeatures: 32 }));
    return { logits: b.linear(hidden, { outFeatures: 2 }) };
  });
}

export function spirals(): { readonly fields: ReadonlyMap<string, Tensor>; readonly rows: number } {
  const point = new Float32Array(2 * ROWS);
  const spiral = new BigInt64Array(ROWS);
  for (let row = 0; row < ROWS; row++) {
    const radius = (row + 1) / ROWS;
    const angle = radius * TURNS * 2 * Math.PI + (row % 2) * Math.PI;
    point.set([radius * Math.cos(angle), radius * Math.sin(angle)], 2 * row);
    spiral[row] = BigInt(row % 2);
  }
  const fields = new Map<string, Tensor>([
    ["point", { dtype: "float32", shape: [ROWS, 2], data: point }],
    ["spiral", { dtype: "int64", shape: [ROWS], data: spiral }],
  ]);
  return { fields, rows: ROWS };
}
