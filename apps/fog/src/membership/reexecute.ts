/** A process that does one unit again: reads it from stdin, answers with one line of JSON. */
import { readFileSync } from "node:fs";
import { constants, setPriority } from "node:os";
import { text } from "node:stream/consumers";
import { type BackendOptions, openTrainer } from "@pingo/autograd";
import {
  type BlockCodec,
  type Cid,
  cidOfBytes,
  decodeCanonical,
  isBlockOf,
  isRunUnit,
  LIMITS,
  parseShape,
  type RunUnit,
  reportOf,
  zCid,
  zDatasetField,
  zWorkUnit,
} from "@pingo/core";
import { systemClock, systemDisk } from "@pingo/core/system";
import { createDiskBlocks, type DiskBlocks, readFile, readShards } from "@pingo/storage";
import { decodeVector, runUnit, weightsLength, zStoredProgram } from "@pingo/training";
import { z } from "zod";
import { FogError } from "../fault.ts";
import { deviationOf, isSameWork } from "./deviation.ts";

const zWork = z.strictObject({
  blocksFolder: z.string(),
  unit: zWorkUnit,
  steps: z.int().min(1).max(LIMITS.stepsPerRoundMax),
  update: zCid,
});
/** As providers train, on a computer and in a browser's tab: the second is tried where the first comes out otherwise. */
const LANES: readonly BackendOptions[] = [{ isTuned: true }, { backend: "wasm" }];
/** Time is not what ends it: the receipt says how many steps were done. */
const DEADLINE_MS = 86_400_000;

async function redo(value: unknown): Promise<number> {
  const { blocksFolder, unit, steps, update } = parseShape(zWork, value, "the work");
  const blocks = createDiskBlocks({ folder: blocksFolder, disk: systemDisk });
  if (isRunUnit(unit)) return (await resultOf(unit, blocks)) === update ? 0 : 1;
  const stored = parseShape(zStoredProgram, decodeCanonical(await blocks.get(unit.program)), "the program");
  const { signature } = stored;
  const length = weightsLength(signature);
  const vector = async (cid: typeof update): Promise<Float32Array> =>
    decodeVector(await readFile(blocks, cid, { sizeBytesMax: 4 * length }), length);
  const graph = await readFile(blocks, stored.graph, { sizeBytesMax: LIMITS.modelBytesMax });
  const weights = await vector(unit.weights);
  const rows = unit.shards.reduce((sum, shard) => sum + shard.rows, 0);
  const fields = parseShape(z.array(zDatasetField), signature.fields, "the program's fields");
  const manifest = { kind: "pingo/dataset/v1" as const, rows, fields, shards: unit.shards };
  const again = { ...unit, steps, deadlineMs: DEADLINE_MS };
  const theirs = await vector(update);
  let nearest = Number.POSITIVE_INFINITY;
  for (const lane of LANES) {
    const fields = await readShards(blocks, manifest, unit.shards); // the trainer takes them
    await using trainer = await openTrainer({ graph, signature }, lane);
    await trainer.setFields(fields);
    const ours = await runUnit(again, { trainer, weights, rows }, { clock: systemClock });
    nearest = Math.min(nearest, deviationOf(theirs, ours.update));
    if (isSameWork(nearest, steps)) break;
  }
  return nearest;
}

async function resultOf(unit: RunUnit, blocks: DiskBlocks): Promise<Cid> {
  const { runStoredPiece } = await import("@pingo/wasm");
  const readLeaf = (cid: Cid): Uint8Array => {
    const bytes = readFileSync(blocks.pathOf(cid));
    if (isBlockOf(cid, bytes)) return bytes;
    throw new FogError({ code: "BLOCK_MISSING", what: "a part of the input", cid });
  };
  // Only its name is wanted.
  const result = { put: async (bytes: Uint8Array, codec: BlockCodec = "raw") => cidOfBytes(bytes, codec) };
  return runStoredPiece({ unit, blocks, readLeaf, result });
}

setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
try {
  const deviation = await redo(JSON.parse(await text(process.stdin)));
  process.stdout.write(JSON.stringify({ deviation }));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.stdout.write(JSON.stringify({ error: reportOf(error) }));
}
