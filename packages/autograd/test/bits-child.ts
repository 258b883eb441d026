/** Trains a few steps of each model and prints hashes of losses and weights; run by backends.test.ts. */
import { createHash } from "node:crypto";
import { buildTrainProgram } from "../src/program/train-program.ts";
import { openTrainer } from "../src/runtime/open-trainer.ts";
import { BLOCKS, IMAGE_OPTIONS, IMAGE_ROWS, imageFields, MODELS } from "./models.ts";

const STEPS = 8;
const backend = process.argv[2] === "wasm" ? "wasm" : "native";
const isTuned = process.argv[3] === "tuned";
const hashes: Record<string, string> = {};
for (const [name, model] of Object.entries({ ...MODELS, blocks: BLOCKS })) {
  const program = buildTrainProgram(model, IMAGE_OPTIONS);
  await using trainer = await openTrainer(program, { backend, isTuned });
  await trainer.setFields(imageFields());
  await trainer.reset(program.initialWeights);
  const drawn = STEPS * IMAGE_OPTIONS.batchSize;
  const indices = BigInt64Array.from({ length: drawn }, (_, i) => BigInt((5 * i) % IMAGE_ROWS));
  const losses = await trainer.run(indices, new Float32Array(STEPS).fill(0.01));
  const hash = createHash("sha256");
  for (const numbers of [losses, await trainer.weights()]) hash.update(new Uint8Array(numbers.buffer));
  hashes[name] = hash.digest("hex");
}
process.stdout.write(JSON.stringify(hashes));
