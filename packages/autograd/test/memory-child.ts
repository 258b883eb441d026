/** Trains a deep network under a limit and prints the plan and the peak; run by memory.test.ts. */
import { defineModel } from "../src/builder/define-model.ts";
import type { Tensor } from "../src/graph/tensor.ts";
import { buildTrainProgram } from "../src/program/train-program.ts";
import { openTrainer } from "../src/runtime/open-trainer.ts";

const MiB = 2 ** 20;
const BATCH = 512;
const WIDTH = 128;

const x = { dtype: "float32", shape: ["batch", WIDTH] } as const;
const model = defineModel({ name: "deep", seed: 1, inputs: { x } }, (b, inputs) => {
  let y = inputs.x;
  for (let layer = 0; layer < 160; layer++)
    y = b.add(y, b.tanh(b.mul(y, b.parameter(`s${layer}`, [WIDTH], { deviation: 1 }))));
  return { y: b.linear(y, { outFeatures: 2 }) };
});
const program = buildTrainProgram(model, {
  fields: [
    { name: "x", dtype: "float32", rowShape: [WIDTH] },
    { name: "label", dtype: "int64", rowShape: [] },
  ],
  target: "label",
  loss: "softmax-cross-entropy",
  optimizer: { sgd: { learningRate: 0.01, momentum: 0, nesterov: false, weightDecay: 0 } },
  batchSize: BATCH,
  memoryLimitBytes: Number(process.argv[2]) * MiB,
});
const fields = new Map<string, Tensor>([
  [
    "x",
    {
      dtype: "float32",
      shape: [BATCH, WIDTH],
      data: Float32Array.from({ length: BATCH * WIDTH }, (_, i) => Math.sin(i)),
    },
  ],
  [
    "label",
    { dtype: "int64", shape: [BATCH], data: BigInt64Array.from({ length: BATCH }, (_, i) => BigInt(i % 2)) },
  ],
]);
globalThis.gc?.();
const beforeBytes = process.memoryUsage().rss;
await using trainer = await openTrainer(program);
await trainer.setFields(fields);
await trainer.reset(program.initialWeights);
const indices = BigInt64Array.from({ length: 2 * BATCH }, (_, i) => BigInt(i % BATCH));
const losses = await trainer.run(indices, new Float32Array(2).fill(0.01));
const peakBytes = process.resourceUsage().maxRSS * 1024;
process.stdout.write(
  JSON.stringify({
    plannedMiB: program.memory.totalBytes / MiB,
    measuredMiB: (peakBytes - beforeBytes) / MiB,
    layout: program.layout,
    loss: losses[1],
  }),
);
