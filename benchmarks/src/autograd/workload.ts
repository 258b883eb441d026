/** What every contestant of a workload trains: one model, its first weights, its rows, and the order of the batches. */
import type { FieldSpec, Graph, ProgramOptions, Tensor } from "@pingo/autograd";
import { createPrng, type Loss, type Prng } from "@pingo/core";

export interface Workload {
  readonly name: string;
  readonly model: () => Graph;
  readonly batchSize: number;
  readonly loss: Loss;
  readonly target: string;
  /** By field name; the rows are drawn from these. */
  readonly fields: Readonly<Record<string, FieldSource>>;
  /** Between two measurements: about half a second of work. */
  readonly stepsPerTurn: number;
  /** On one thread. */
  readonly targets: WorkloadTargets;
}

export interface WorkloadTargets {
  /** Steps per second against PyTorch's. */
  readonly torchRatioMin: number | null;
  /** Of the machine's sgemm. */
  readonly sgemmPercentMin: number | null;
}

export interface FieldSource {
  readonly rowShape: readonly number[];
  /** Gaussian numbers, or whole ones below `below`. */
  readonly draw: "gaussian" | { readonly below: number };
}

export const LEARNING_RATE = 1e-3;
const BATCHES = 4;
const SEED = 20_261_127;

export function programOptions(workload: Workload): ProgramOptions {
  const { target, loss, batchSize, fields } = workload;
  return {
    fields: Object.entries(fields).map(([name, source]): FieldSpec => {
      return { name, dtype: dtypeOf(source), rowShape: source.rowShape };
    }),
    target,
    loss,
    batchSize,
    optimizer: {
      adamw: { learningRate: LEARNING_RATE, weightDecay: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
    },
  };
}

/** The rows, the same in every process. */
export function drawFields(workload: Workload): Map<string, Tensor> {
  const prng = createPrng(SEED);
  const rows = BATCHES * workload.batchSize;
  return new Map(
    Object.entries(workload.fields).map(([name, source]) => [name, drawField(source, rows, prng)]),
  );
}

/** int64[steps, batchSize]: whole batches in their order, over and over, from step `first`. */
export function batchIndices({ batchSize }: Workload, first: number, steps: number): BigInt64Array {
  const rows = BATCHES * batchSize;
  return BigInt64Array.from({ length: steps * batchSize }, (_, i) => BigInt((first * batchSize + i) % rows));
}

function dtypeOf({ draw }: FieldSource): "float32" | "int64" {
  return draw === "gaussian" ? "float32" : "int64";
}

function drawField({ rowShape, draw }: FieldSource, rows: number, prng: Prng): Tensor {
  const shape = [rows, ...rowShape];
  const length = shape.reduce((product, size) => product * size, 1);
  if (draw === "gaussian")
    return { dtype: "float32", shape, data: Float32Array.from({ length }, () => gaussian(prng)) };
  const data = BigInt64Array.from({ length }, () => BigInt(Math.floor(prng.float() * draw.below)));
  return { dtype: "int64", shape, data };
}

function gaussian(prng: Prng): number {
  return Math.sqrt(-2 * Math.log(1 - prng.float())) * Math.cos(2 * Math.PI * prng.float());
}
