/**
 * Runs units one after another and keeps what the next one most likely needs: the session of the last
 * program and the rows of the last shards.
 */
import type { Tensor } from "@pingo/autograd";
import { openTrainer, type Trainer } from "@pingo/autograd/runtime";
import {
  type Cid,
  type Clock,
  type DatasetManifest,
  type Disk,
  isBlockOf,
  LIMITS,
  parseShape,
  type Shard,
  type TrainUnit,
  zDatasetManifest,
} from "@pingo/core";
import { type BlockReader, createDiskBlocks, readFile, readShards, writeFile } from "@pingo/storage";
import { decodeVector, encodeVector, runUnit, type StoredProgram, weightsLength } from "@pingo/training/unit";
import { countMoved, discard } from "../collect.ts";
import { ProviderError } from "../provider-error.ts";
import { parseStoredProgram } from "../stored-program.ts";
import type { UnitOutcome, WorkerTask } from "./protocol.ts";

export interface RunOptions {
  readonly signal: AbortSignal;
  /** Aborted: the unit ends at its next checkpoint with what is done. */
  readonly flush: AbortSignal;
  readonly onProgress: (step: number, loss: number) => void;
}

export interface UnitRunner {
  run(task: Extract<WorkerTask, { type: "run" }>, options: RunOptions): Promise<UnitOutcome>;
}

export interface UnitRunnerPorts {
  readonly clock: Clock;
  readonly disk: Disk;
  /** Lets messages in between two checkpoints. */
  readonly breathe: () => Promise<void>;
  readonly cpuMs: () => number;
}

interface Warm {
  readonly program: Cid;
  readonly trainer: Trainer;
  readonly weightsLength: number;
  readonly stored: StoredProgram;
  /** The trainer's rows, and which shards they are. */
  fields: ReadonlyMap<string, Tensor>;
  shards: string;
}

export function createUnitRunner(ports: UnitRunnerPorts): UnitRunner {
  const { clock, disk, breathe, cpuMs } = ports;
  let warm: Warm | undefined;

  const warmFor = async (unit: TrainUnit, blocks: BlockReader): Promise<Warm> => {
    if (warm?.program === unit.program) return warm;
    await warm?.trainer[Symbol.asyncDispose]();
    warm = undefined;
    warm = await openProgram(unit.program, blocks, breathe);
    return warm;
  };

  return {
    async run({ unit, blocksFolder, updateFolder }, { signal, flush, onProgress }) {
      const cpuAtStartMs = cpuMs();
      const startedAtUnixMs = clock.nowUnixMs();
      const blocks = createVerifiedReader(blocksFolder, disk);
      const held = await warmFor(unit, blocks);
      const { trainer, stored, weightsLength: length } = held;
      const shards = unit.shards.map(({ cid }) => cid).join(" ");
      if (held.shards !== shards) {
        held.shards = "";
        await trainer.setFields(null);
        discard(held.fields); // the rows of the unit before: the new ones take their place
        held.fields = new Map();
        held.fields = await readShards(blocks, manifestOf(stored, unit.shards), unit.shards, { signal });
        await trainer.setFields(held.fields);
        held.shards = shards;
      }
      const weights = decodeVector(
        await readFile(blocks, unit.weights, { sizeBytesMax: 4 * length, signal }),
        length,
      );
      const rows = rowsOf(unit.shards);
      const result = await runUnit(
        unit,
        { trainer, weights, rows },
        { clock, signal, flush, onProgress: ({ step, loss }) => onProgress(step, loss) },
      );
      const update = await writeFile(
        createDiskBlocks({ folder: updateFolder, disk }),
        encodeVector(result.update),
      );
      return {
        steps: result.steps,
        rows: result.rows,
        lossMean: result.lossMean,
        cpuMs: cpuMs() - cpuAtStartMs,
        update,
        startedAtUnixMs,
        endedAtUnixMs: clock.nowUnixMs(),
      };
    },
  };
}

async function openProgram(cid: Cid, blocks: BlockReader, breathe: () => Promise<void>): Promise<Warm> {
  const stored = parseStoredProgram(cid, await blocks.get(cid));
  const graph = await readFile(blocks, stored.graph, { sizeBytesMax: LIMITS.modelBytesMax });
  const trainer = await openTrainer({ graph, signature: stored.signature }, { isTuned: true });
  return {
    program: cid,
    trainer: breathing(trainer, breathe),
    weightsLength: weightsLength(stored.signature),
    stored,
    fields: new Map(),
    shards: "",
  };
}

/** ONNX Runtime holds the thread for a whole call; between calls the agent's messages come in. */
function breathing(trainer: Trainer, breathe: () => Promise<void>): Trainer {
  return {
    signature: trainer.signature,
    setFields: (fields) => trainer.setFields(fields),
    reset: (weights) => trainer.reset(weights),
    weights: () => trainer.weights(),
    async run(indices, learningRates) {
      const losses = await trainer.run(indices, learningRates);
      await breathe();
      return losses;
    },
    [Symbol.asyncDispose]: () => trainer[Symbol.asyncDispose](),
  };
}

/** Reads what the agent put there and nothing else. The store itself belongs to the agent's process. */
function createVerifiedReader(folder: string, disk: Disk): BlockReader {
  const paths = createDiskBlocks({ folder, disk });
  return {
    async get(cid, options) {
      options?.signal?.throwIfAborted();
      const bytes = await disk.read(paths.pathOf(cid));
      if (bytes === undefined)
        throw new ProviderError({ code: "BLOCK_UNUSABLE", cid, why: "it is not there" });
      countMoved(bytes.byteLength);
      if (isBlockOf(cid, bytes)) return bytes;
      throw new ProviderError({ code: "BLOCK_UNUSABLE", cid, why: "its bytes are not what its CID names" });
    },
    has: async (cid) => (await disk.sizeBytes(paths.pathOf(cid))) !== undefined,
  };
}

function manifestOf({ signature }: StoredProgram, shards: readonly Shard[]): DatasetManifest {
  const manifest = { kind: "pingo/dataset/v1", rows: rowsOf(shards), fields: signature.fields, shards };
  return parseShape(zDatasetManifest, manifest, "the unit's shards");
}

function rowsOf(shards: readonly Shard[]): number {
  return shards.reduce((rows, shard) => rows + shard.rows, 0);
}
