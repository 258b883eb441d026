/**
 * Runs units one after another and keeps what the next one most likely needs: the session of the last
 * program and the rows of the last shards.
 */
import type { RuntimeProgram, Tensor } from "@pingo/autograd";
import {
  type Cid,
  type Clock,
  type DatasetManifest,
  LIMITS,
  parseShape,
  type Shard,
  type TrainUnit,
  zDatasetManifest,
} from "@pingo/core";
import { type BlockReader, type BlockWriter, readFile, readShards, writeFile } from "@pingo/storage";
import {
  decodeVector,
  encodeVector,
  runUnit,
  type StoredProgram,
  type UnitTrainer,
  weightsLength,
} from "@pingo/training/unit";
import { parseStoredProgram } from "./stored-program.ts";
import type { UnitOutcome } from "./unit-outcome.ts";

export interface UnitTask {
  readonly unit: TrainUnit;
  /** Program, graph, weights and shards are all in here. */
  readonly blocks: BlockReader;
  /** The update's blocks are written here. */
  readonly update: BlockWriter;
}

export interface RunOptions {
  readonly signal: AbortSignal;
  /** Aborted: the unit ends at its next checkpoint with what is done. */
  readonly flush: AbortSignal;
  readonly onProgress: (step: number, loss: number) => void;
}

export interface UnitRunner extends AsyncDisposable {
  /** Opens the program of a unit that is about to come; it and its graph are in `blocks`. Never while a unit runs. */
  prepare(program: Cid, blocks: BlockReader): Promise<void>;
  run(task: UnitTask, options: RunOptions): Promise<UnitOutcome>;
}

export interface UnitRunnerPorts {
  readonly clock: Clock;
  /** What this thread, or process, has used of a core so far. */
  readonly cpuMs: () => number;
  /** The most that this process was resident so far; a page cannot tell. */
  readonly peakBytes?: () => number;
  readonly openTrainer: (program: RuntimeProgram) => Promise<UnitTrainer>;
}

interface Warm {
  readonly program: Cid;
  readonly trainer: UnitTrainer;
  readonly weightsLength: number;
  readonly stored: StoredProgram;
  /** The trainer's rows, and which shards they are. */
  fields: ReadonlyMap<string, Tensor>;
  shards: string;
}

export function createUnitRunner(ports: UnitRunnerPorts): UnitRunner {
  const { clock, cpuMs, peakBytes, openTrainer } = ports;
  let warm: Warm | undefined;
  /** One program is opened at a time: a unit may come while its own is. */
  let opening: Promise<unknown> = Promise.resolve();

  const open = async (program: Cid, blocks: BlockReader): Promise<Warm> => {
    if (warm?.program === program) return warm;
    await warm?.trainer[Symbol.asyncDispose]();
    warm = undefined;
    warm = await openProgram(program, blocks, openTrainer);
    return warm;
  };
  const warmFor = (program: Cid, blocks: BlockReader): Promise<Warm> => {
    const turn = (): Promise<Warm> => open(program, blocks);
    const opened = opening.then(turn, turn);
    opening = opened;
    return opened;
  };

  return {
    async prepare(program, blocks) {
      await warmFor(program, blocks);
    },

    async run({ unit, blocks, update: updateBlocks }, { signal, flush, onProgress }) {
      const cpuAtStartMs = cpuMs();
      const startedAtUnixMs = clock.nowUnixMs();
      const held = await warmFor(unit.program, blocks);
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
      const update = await writeFile(updateBlocks, encodeVector(result.update));
      return {
        steps: result.steps,
        rows: result.rows,
        lossMean: result.lossMean,
        cpuMs: cpuMs() - cpuAtStartMs,
        ...(peakBytes && { peakBytes: peakBytes() }),
        update,
        startedAtUnixMs,
        endedAtUnixMs: clock.nowUnixMs(),
      };
    },
    async [Symbol.asyncDispose]() {
      await warm?.trainer[Symbol.asyncDispose]();
      warm = undefined;
    },
  };
}

async function openProgram(
  cid: Cid,
  blocks: BlockReader,
  openTrainer: UnitRunnerPorts["openTrainer"],
): Promise<Warm> {
  const stored = parseStoredProgram(cid, await blocks.get(cid));
  const graph = await readFile(blocks, stored.graph, { sizeBytesMax: LIMITS.modelBytesMax });
  const trainer = await openTrainer({ graph, signature: stored.signature });
  return {
    program: cid,
    trainer,
    weightsLength: weightsLength(stored.signature),
    stored,
    fields: new Map(),
    shards: "",
  };
}

/** Gives the memory of tensors back at once; whoever still holds them finds them empty. */
function discard(tensors: ReadonlyMap<string, Tensor>): void {
  for (const { data } of tensors.values()) {
    if (data.buffer instanceof ArrayBuffer) data.buffer.transfer(0);
  }
}

function manifestOf({ signature }: StoredProgram, shards: readonly Shard[]): DatasetManifest {
  const manifest = { kind: "pingo/dataset/v1", rows: rowsOf(shards), fields: signature.fields, shards };
  return parseShape(zDatasetManifest, manifest, "the unit's shards");
}

function rowsOf(shards: readonly Shard[]): number {
  return shards.reduce((rows, shard) => rows + shard.rows, 0);
}
