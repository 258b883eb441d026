/** Versions of a job's weights as blocks: read back, and made by the outer step over a round's updates. */
import type { ProgramSignature } from "@pingo/autograd";
import { type Cid, FaultError } from "@pingo/core";
import { type BlockReader, type Blocks, readFile, writeFile } from "@pingo/storage";
import {
  type CountedDelivery,
  createAggregator,
  decodeVector,
  encodeVector,
  indexOfNotFinite,
  nextAverage,
  outerSettingsOf,
  outerStep,
  weightsLength,
} from "@pingo/training";
import type { RoundRow } from "../database/schema.ts";
import type { LoadedJob } from "./loaded-job.ts";

export interface Version {
  /** 0 is the start; a round commits the next. */
  readonly number: number;
  readonly weights: Float32Array;
  readonly momentum: Float32Array;
  readonly weightsCid: Cid;
  /** The mean of the rounds so far; null where the job asks for none, and at version 0. */
  readonly average: Float32Array | null;
}

export interface StoredVersion extends Version {
  readonly momentumCid: Cid;
  readonly averageCid: Cid | null;
}

export class DivergedError extends FaultError<{
  readonly code: "WEIGHTS_NOT_FINITE";
  readonly round: number;
}> {
  override readonly name = "DivergedError";
  constructor(round: number) {
    super(
      { code: "WEIGHTS_NOT_FINITE", round },
      {
        WEIGHTS_NOT_FINITE: (f) =>
          `the weights are no longer finite after round ${f.round}; lower optimizer.adamw.learningRate and submit again`,
      },
    );
  }
}

export async function readVector(
  blocks: BlockReader,
  cid: Cid,
  signature: ProgramSignature,
): Promise<Float32Array> {
  const length = weightsLength(signature);
  return decodeVector(await readFile(blocks, cid, { sizeBytesMax: 4 * length }), length);
}

export async function readVersion(
  blocks: BlockReader,
  row: RoundRow,
  signature: ProgramSignature,
): Promise<Version> {
  const weights = await readVector(blocks, row.weights, signature);
  const momentum = row.momentum
    ? await readVector(blocks, row.momentum, signature)
    : new Float32Array(weights.length);
  const average = row.average ? await readVector(blocks, row.average, signature) : null;
  return { number: row.version, weights, momentum, weightsCid: row.weights, average };
}

/** @throws {DivergedError} */
export async function nextVersion(
  blocks: Blocks,
  { job, signature }: Pick<LoadedJob, "job" | "signature">,
  before: Version,
  deliveries: readonly CountedDelivery[],
): Promise<StoredVersion> {
  const aggregator = createAggregator(signature);
  for (const { update, rows } of deliveries) {
    aggregator.add({ update: await readVector(blocks, update, signature), rows });
  }
  const number = before.number + 1;
  const { weights, momentum } = outerStep({
    weights: before.weights,
    momentum: before.momentum,
    mean: aggregator.mean(),
    signature,
    settings: outerSettingsOf({ round: number, rounds: job.schedule.rounds }),
  });
  if (indexOfNotFinite(weights) >= 0 || indexOfNotFinite(momentum) >= 0) throw new DivergedError(number);
  const average = nextAverage(job, { before: before.average, weights, round: number });
  const write = (vector: Float32Array): Promise<Cid> => writeFile(blocks, encodeVector(vector));
  const [weightsCid, momentumCid, averageCid] = await Promise.all([
    write(weights),
    write(momentum),
    average && write(average),
  ]);
  return { number, weights, momentum, average, weightsCid, momentumCid, averageCid };
}
