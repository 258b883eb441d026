/** A process that does one unit again: reads it from stdin, answers with one line of JSON. A fog node starts it, and `pingo audit verdict`. */
import { readFileSync } from "node:fs";
import { constants, setPriority } from "node:os";
import { text } from "node:stream/consumers";
import { type BackendOptions, openTrainer } from "@pingo/autograd";
import {
  assertDefined,
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
import {
  type BlockWriter,
  createDiskBlocks,
  type DiskBlocks,
  readFile,
  readShards,
  writeFile,
} from "@pingo/storage";
import { decodeVector, encodeVector, runUnit, weightsLength, zStoredProgram } from "@pingo/training";
import { z } from "zod";
import { FogError } from "../fault.ts";
import { deviationOf, isSameWork, JUDGED_STEPS_MAX, toleranceOf } from "./deviation.ts";

const zWork = z.strictObject({
  blocksFolder: z.string(),
  unit: zWorkUnit,
  steps: z.int().min(1).max(LIMITS.stepsPerRoundMax),
  update: zCid,
  /** What comes out is kept there too. */
  keeps: z.boolean(),
});

interface Redone {
  readonly deviation: number;
  /** What came out here, where it is nearest to theirs. */
  readonly update: Cid;
}
/** As providers train, on a computer and in a browser's tab: the second is tried where the first comes out otherwise. */
const LANES: readonly BackendOptions[] = [{ isTuned: true }, { backend: "wasm" }];
/** Where only the name of what comes out is wanted. */
const NAMED_ONLY: BlockWriter = { put: async (bytes, codec: BlockCodec = "raw") => cidOfBytes(bytes, codec) };
/** Time is not what ends it: the receipt says how many steps were done. */
const DEADLINE_MS = 86_400_000;

async function redo(work: z.infer<typeof zWork>): Promise<Redone> {
  const { blocksFolder, unit, steps, update, keeps } = work;
  const blocks = createDiskBlocks({ folder: blocksFolder, disk: systemDisk });
  const target: BlockWriter = keeps ? blocks : NAMED_ONLY;
  if (isRunUnit(unit)) {
    const ours = await resultOf(unit, blocks, target);
    return { deviation: ours === update ? 0 : 1, update: ours };
  }
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
  let nearest: Redone | undefined;
  for (const lane of LANES) {
    const fields = await readShards(blocks, manifest, unit.shards); // the trainer takes them
    await using trainer = await openTrainer({ graph, signature }, lane);
    await trainer.setFields(fields);
    const ours = await runUnit(again, { trainer, weights, rows }, { clock: systemClock });
    const deviation = deviationOf(theirs, ours.update);
    if (nearest === undefined || deviation < nearest.deviation)
      nearest = { deviation, update: await writeFile(target, encodeVector(ours.update)) };
    if (isSameWork(nearest.deviation, steps)) break;
  }
  return assertDefined(nearest, "there is a lane");
}

async function resultOf(unit: RunUnit, blocks: DiskBlocks, result: BlockWriter): Promise<Cid> {
  const { runStoredPiece } = await import("@pingo/wasm");
  const readLeaf = (cid: Cid): Uint8Array => {
    const bytes = readFileSync(blocks.pathOf(cid));
    if (isBlockOf(cid, bytes)) return bytes;
    throw new FogError({ code: "BLOCK_MISSING", what: "a part of the input", cid });
  };
  return runStoredPiece({ unit, blocks, readLeaf, result });
}

setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
try {
  const work = parseShape(zWork, JSON.parse(await text(process.stdin)), "the work");
  const { deviation, update } = await redo(work);
  const judged = work.steps > JUDGED_STEPS_MAX ? null : toleranceOf(work.steps);
  const tolerance = isRunUnit(work.unit) ? 0 : judged;
  // JSON has no number without bound.
  process.stdout.write(
    JSON.stringify({ deviation: Math.min(deviation, Number.MAX_VALUE), tolerance, update }),
  );
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.stdout.write(JSON.stringify({ error: reportOf(error) }));
}
