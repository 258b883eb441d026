/**
 * What a training job must satisfy before anyone works on it. Everything a worker could stumble over is looked
 * at here, once: the programs are built, and every row of the data is read.
 */
import {
  buildEvaluationProgram,
  buildTrainProgram,
  type EvaluationProgram,
  type Graph,
  type GraphValue,
  inferTypes,
  outputOf,
  type ProgramOptions,
  type Tensor,
  type TrainProgram,
} from "@pingo/autograd";
import {
  assertDefined,
  type DatasetField,
  type DatasetManifest,
  type Objective,
  type TrainJob,
} from "@pingo/core";
import { elementsOf } from "./program.ts";
import { checkTargets, type Place } from "./targets.ts";
import { TrainingError } from "./training-error.ts";

export interface DatasetToCheck {
  readonly manifest: DatasetManifest;
  /** The tensors of each shard, in the manifest's order; read one at a time. */
  readonly shards: AsyncIterable<ReadonlyMap<string, Tensor>> | Iterable<ReadonlyMap<string, Tensor>>;
}

export interface JobToCheck {
  readonly job: TrainJob;
  readonly model: Graph;
  readonly train: DatasetToCheck;
  readonly test: DatasetToCheck | null;
  /** The train program is laid out to keep to it; what the job says of its workers' memory unless given. */
  readonly memoryLimitBytes?: number;
  /**
   * All steps are to be taken in one place: the mean that the job asks for is then kept by the step itself. Over the
   * network it is kept by round, outside of the program (adr/0006).
   */
  readonly isInOnePlace?: boolean;
}

export interface Admission {
  readonly train: TrainProgram;
  readonly evaluation: EvaluationProgram;
  /** Of the model's scores; null when only a run would tell. */
  readonly classes: number | null;
}

/**
 * @throws {TrainingError} naming dataset, tensor and row
 * @throws {FaultError} of autograd when the model cannot be trained, or the data does not fit it
 */
export async function checkTrainJob(toCheck: JobToCheck): Promise<Admission> {
  const { job, model, train, test, memoryLimitBytes = toCheck.job.workers.memoryBytes } = toCheck;
  const { batchSize, accumulate } = job.schedule;
  const { loss, target, output, metrics: _, ...lossSettings } = job.objective;
  checkManifest("training", train.manifest, target, batchSize);
  if (test) {
    checkManifest("test", test.manifest, target, 1);
    checkSameFields(train.manifest.fields, test.manifest.fields);
  }
  const options: ProgramOptions = {
    fields: train.manifest.fields,
    target,
    loss,
    lossSettings,
    optimizer: job.optimizer,
    batchSize,
    ...(output !== undefined && { output }),
    ...(accumulate !== undefined && { microBatches: accumulate }),
    ...(job.freeze && { frozen: job.freeze }),
    ...(job.alsoTrain && { alsoTrain: job.alsoTrain }),
    ...(job.adapt && { adapt: job.adapt, seed: job.seed }),
    ...(toCheck.isInOnePlace && job.average && { ema: job.average }),
    memoryLimitBytes,
  };
  const admission = {
    train: buildTrainProgram(model, options),
    evaluation: buildEvaluationProgram(model, options),
    classes: classesOf(outputOf(model, output), model, fieldOf(train.manifest, target)),
  };
  await checkRows("training", train, job.objective, admission.classes);
  if (test) await checkRows("test", test, job.objective, admission.classes);
  return admission;
}

function checkManifest(dataset: string, manifest: DatasetManifest, target: string, rowsMin: number): void {
  const { rows, fields, shards } = manifest;
  if (rows < rowsMin) {
    throw new TrainingError({ code: "DATASET_EMPTY", dataset, rows, batchSize: rowsMin });
  }
  const names = fields.map(({ name }) => name);
  if (!names.includes(target)) {
    throw new TrainingError({ code: "TARGET_MISSING", dataset, target, fields: names });
  }
  const inShards = shards.reduce((sum, shard) => sum + shard.rows, 0);
  if (inShards !== rows) {
    const why = `it names ${rows} rows, and its shards ${inShards}`;
    throw new TrainingError({ code: "DATASET_MISFIT", dataset, why });
  }
}

function checkSameFields(train: readonly DatasetField[], test: readonly DatasetField[]): void {
  for (const field of train) {
    const other = test.find(({ name }) => name === field.name);
    const found = other ? describe(other) : "missing";
    const expected = describe(field);
    if (found !== expected) {
      throw new TrainingError({
        code: "SHAPE_MISMATCH",
        dataset: "test",
        field: field.name,
        found,
        expected,
      });
    }
  }
}

/** The classes are the last axis of the scores if the others fit the target's, else axis 1 (images as [N, C, …]). */
function classesOf(output: GraphValue, model: Graph, target: DatasetField): number | null {
  const shape = assertDefined(inferTypes(model).get(output.name), "outputs have types").shape;
  const axis = [shape.length - 1, 1].find((each) => {
    const rest = shape.toSpliced(each, 1).slice(1);
    const fits = rest.every((dim, i) => typeof dim === "string" || dim === target.rowShape[i]);
    return fits && rest.length === target.rowShape.length;
  });
  const classes = axis === undefined ? undefined : shape[axis];
  return typeof classes === "number" ? classes : null;
}

function fieldOf(manifest: DatasetManifest, name: string): DatasetField {
  return assertDefined(
    manifest.fields.find((field) => field.name === name),
    `checked field ${name}`,
  );
}

async function checkRows(
  dataset: string,
  { manifest, shards }: DatasetToCheck,
  objective: Objective,
  classes: number | null,
): Promise<void> {
  let index = 0;
  let firstRow = 0;
  for await (const tensors of shards) {
    const rows = manifest.shards[index]?.rows ?? 0;
    for (const field of manifest.fields) {
      const place = { dataset, field: field.name, firstRow, rowLength: elementsOf(field.rowShape) };
      const tensor = fittingTensor(place, field, tensors.get(field.name), rows);
      checkFinite(place, tensor);
      if (field.name === objective.target) checkTargets(place, tensor, objective, classes);
    }
    index += 1;
    firstRow += rows;
  }
  if (index !== manifest.shards.length) {
    const why = `it names ${manifest.shards.length} shards, and ${index} were read`;
    throw new TrainingError({ code: "DATASET_MISFIT", dataset, why });
  }
}

function fittingTensor(place: Place, field: DatasetField, tensor: Tensor | undefined, rows: number): Tensor {
  const { dataset } = place;
  const shape = [rows, ...field.rowShape];
  const expected = `${field.dtype}[${shape.join(", ")}]`;
  const found = tensor ? `${tensor.dtype}[${tensor.shape.join(", ")}]` : "missing";
  if (!tensor || found !== expected || tensor.data.length !== elementsOf(shape)) {
    throw new TrainingError({ code: "SHAPE_MISMATCH", dataset, field: field.name, found, expected });
  }
  return tensor;
}

function checkFinite({ dataset, field, firstRow, rowLength }: Place, { dtype, data }: Tensor): void {
  if (dtype !== "float32") return;
  for (let i = 0; i < data.length; i++) {
    if (Number.isFinite(data[i])) continue;
    const row = firstRow + Math.floor(i / rowLength);
    throw new TrainingError({ code: "DATA_NOT_FINITE", dataset, field, row, found: String(data[i]) });
  }
}

function describe(field: DatasetField): string {
  return `${field.dtype}[rows${field.rowShape.map((dim) => `, ${dim}`).join("")}]`;
}
