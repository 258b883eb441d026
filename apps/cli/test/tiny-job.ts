/** A job that trains in a moment: which of two halves a point lies in. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { defineModel, type Tensor, writeModel } from "@pingo/autograd";
import { encodeSafetensors } from "@pingo/storage";

const ROWS = 64;

export interface TinyJobOptions {
  readonly rounds: number;
  /** As the file says it, like "1 PINGO"; none unless given. */
  readonly budget?: string;
  /** The model has a tensor that nothing reads: "aside". */
  readonly hasAside?: boolean;
  /** Of the file; "job" unless given. */
  readonly name?: string;
}

/** @returns the job file's path */
export async function writeTinyJob(
  folder: string,
  { rounds, budget, hasAside = false, name = "job" }: TinyJobOptions,
): Promise<string> {
  const x = Float32Array.from({ length: ROWS * 2 }, (_, i) => Math.sin(i * 12.9898));
  const label = BigInt64Array.from({ length: ROWS }, (_, i) => ((x[2 * i] ?? 0) > 0 ? 1n : 0n));
  const tensors = new Map<string, Tensor>([
    ["x", { dtype: "float32", shape: [ROWS, 2], data: x }],
    ["label", { dtype: "int64", shape: [ROWS], data: label }],
  ]);
  const model = defineModel(
    { name: "tiny", seed: 1, inputs: { x: { dtype: "float32", shape: ["batch", 2] } } },
    (b, inputs) => ({ scores: b.linear(inputs.x, { outFeatures: 2 }) }),
  );
  const aside: Tensor = { dtype: "float32", shape: [3], data: new Float32Array(3) };
  const initializers = new Map([...model.initializers, ["aside", aside] as const]);
  await writeFile(join(folder, "model.onnx"), writeModel(hasAside ? { ...model, initializers } : model));
  await writeFile(join(folder, "rows.safetensors"), encodeSafetensors(tensors));
  const path = join(folder, `${name}.yaml`);
  await writeFile(path, jobOf(rounds, budget));
  return path;
}

function jobOf(rounds: number, budget: string | undefined): string {
  return `apiVersion: pingo/v1
kind: Train
name: tiny
model: model.onnx
data: { train: rows.safetensors, test: rows.safetensors }
objective: { loss: softmax-cross-entropy, target: label }
schedule: { rounds: ${rounds}, stepsPerRound: 20, batchSize: 8 }
workers: { min: 1, max: 2 }
${
  budget === undefined
    ? ""
    : `budget: ${budget}
`
}`;
}
