/** What the test trains in Node and in Chromium, to compare the bits. */
import {
  buildTrainProgram,
  type Graph,
  type ProgramOptions,
  type Tensor,
  type Trainer,
  type TrainProgram,
} from "@pingo/autograd/browser";
import { createPrng } from "@pingo/core";
import { charGpt } from "../../chargpt/model.ts";
import { digitsModel } from "../../mnist/model.ts";

const ROWS = 48;
const STEPS = 4;
const POSITIONS = 16;
const CHARACTERS = 32;

export type TrialName = "digits" | "chargpt";
export type Start = (program: TrainProgram) => Promise<Trainer>;

/** Hashes, in hex. */
export interface Trained {
  readonly graph: string;
  readonly losses: string;
  readonly weights: string;
}

interface Trial {
  readonly model: () => Graph;
  readonly fields: () => ReadonlyMap<string, Tensor>;
  readonly target: string;
}

const TRIALS: { readonly [N in TrialName]: Trial } = {
  digits: {
    model: () => digitsModel(),
    fields: () => {
      const prng = createPrng(3);
      const image = Float32Array.from({ length: ROWS * 28 * 28 }, () => prng.float());
      const label = BigInt64Array.from({ length: ROWS }, () => BigInt(prng.int(10)));
      return new Map<string, Tensor>([
        ["image", { dtype: "float32", shape: [ROWS, 1, 28, 28], data: image }],
        ["label", { dtype: "int64", shape: [ROWS], data: label }],
      ]);
    },
    target: "label",
  },
  chargpt: {
    model: () => charGpt(CHARACTERS, { positions: POSITIONS, width: 32, heads: 4, layers: 2 }),
    fields: () => {
      const prng = createPrng(4);
      const characters = () =>
        BigInt64Array.from({ length: ROWS * POSITIONS }, () => BigInt(prng.int(CHARACTERS)));
      return new Map<string, Tensor>([
        ["tokens", { dtype: "int64", shape: [ROWS, POSITIONS], data: characters() }],
        ["next", { dtype: "int64", shape: [ROWS, POSITIONS], data: characters() }],
      ]);
    },
    target: "next",
  },
};

export async function train(name: TrialName, start: Start): Promise<Trained> {
  const { trainer, program, indices } = await begin(name, start, STEPS);
  await using closing = trainer;
  const losses = await closing.run(indices, new Float32Array(STEPS).fill(1e-3));
  return {
    graph: await hashOf(program.graph),
    losses: await hashOf(losses),
    weights: await hashOf(await closing.weights()),
  };
}

/** Stops a call that would take minutes; then trains on. */
export async function cancel(start: Start) {
  const steps = 100_000;
  const { trainer, indices } = await begin("chargpt", start, steps);
  await using closing = trainer;
  const before = await hashOf(await closing.weights());
  const stop = new AbortController();
  const running = closing.run(indices, new Float32Array(steps).fill(1e-3), { signal: stop.signal });
  // The page is free while the worker runs: its own turns come and go.
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 5));
  stop.abort(new Error("the visitor changed his mind"));
  const why = await running.then(
    () => "it ran to its end",
    (error: Error) => error.message,
  );
  const after = await hashOf(await closing.weights());
  const losses = await closing.run(indices.slice(0, SIZES.batchSize), Float32Array.of(1e-3));
  return { why, isUnchanged: before === after, stepsAfterwards: losses.length };
}

const SIZES = { batchSize: 16 };

async function begin(name: TrialName, start: Start, steps: number) {
  const trial = TRIALS[name];
  const fields = trial.fields();
  const options: ProgramOptions = {
    fields: [...fields].map(([field, { dtype, shape }]) => ({
      name: field,
      dtype,
      rowShape: shape.slice(1),
    })),
    target: trial.target,
    loss: "softmax-cross-entropy",
    optimizer: { adamw: { learningRate: 1e-3, weightDecay: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } },
    ...SIZES,
  };
  const program = buildTrainProgram(trial.model(), options);
  const trainer = await start(program);
  await trainer.setFields(fields);
  await trainer.reset(program.initialWeights);
  const prng = createPrng(5);
  const indices = BigInt64Array.from({ length: steps * SIZES.batchSize }, () => BigInt(prng.int(ROWS)));
  return { trainer, program, indices };
}

async function hashOf(numbers: Float32Array | Uint8Array): Promise<string> {
  const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength).slice();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
