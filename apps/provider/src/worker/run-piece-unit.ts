/** A piece of a Run job, in the worker's own thread: it hears nothing until the module ends, so the agent ends it. */
import { readFileSync } from "node:fs";
import { type Cid, isBlockOf, type RunUnit } from "@pingo/core";
import { systemClock, systemDisk } from "@pingo/core/system";
import type { UnitOutcome } from "@pingo/lending/unit";
import { createDiskBlocks } from "@pingo/storage";
import { runStoredPiece } from "@pingo/wasm";
import { ProviderError } from "../provider-error.ts";
import { createVerifiedReader } from "./verified-reader.ts";

export interface PieceFolders {
  readonly blocksFolder: string;
  readonly updateFolder: string;
}

export async function runPieceUnit(
  unit: RunUnit,
  { blocksFolder, updateFolder }: PieceFolders,
  cpuMs: () => number,
): Promise<UnitOutcome> {
  const cpuAtStartMs = cpuMs();
  const startedAtUnixMs = systemClock.nowUnixMs();
  const paths = createDiskBlocks({ folder: blocksFolder, disk: systemDisk });
  const readLeaf = (cid: Cid): Uint8Array => {
    const bytes = readFileSync(paths.pathOf(cid));
    if (isBlockOf(cid, bytes)) return bytes;
    throw new ProviderError({ code: "BLOCK_UNUSABLE", cid, why: "its bytes are not what its CID names" });
  };
  const update = await runStoredPiece({
    unit,
    blocks: createVerifiedReader(blocksFolder, systemDisk),
    readLeaf,
    result: createDiskBlocks({ folder: updateFolder, disk: systemDisk }),
  });
  const endedAtUnixMs = systemClock.nowUnixMs();
  const cpu = cpuMs() - cpuAtStartMs;
  return { steps: 1, rows: 1, lossMean: 0, cpuMs: cpu, update, startedAtUnixMs, endedAtUnixMs };
}
