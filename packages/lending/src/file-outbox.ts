/**
 * An outbox of files, for who has a disk (or something like it, as a page does) and no database: a receipt for each
 * result, and the blocks of its update in a folder of its own.
 */
import {
  type Disk,
  decodeCanonical,
  encodeCanonical,
  isFault,
  type LeaseId,
  type Log,
  parseLeaseId,
  parseShape,
  type Receipt,
  type Signed,
  zSignedReceipt,
} from "@pingo/core";
import { type Blocks, createDiskBlocks } from "@pingo/storage";
import type { Outbox } from "./outbox.ts";

export interface FileOutbox extends Outbox {
  /** The update's blocks are written here before its receipt is put. */
  updateOf(lease: LeaseId): Blocks;
}

export interface FileOutboxOptions {
  readonly folder: string;
  readonly disk: Disk;
  readonly log: Log;
}

/** Updates without a receipt are removed: whoever worked on them was ended before it signed. */
export async function openFileOutbox({ folder, disk, log }: FileOutboxOptions): Promise<FileOutbox> {
  const receipts = `${folder}/receipts`;
  const updates = `${folder}/updates`;
  const waiting = await readReceipts(receipts, disk, log);
  for (const name of await disk.list(updates)) {
    if (![...waiting.keys()].some((lease) => lease === name)) await disk.remove(`${updates}/${name}`);
  }
  return {
    async put(receipt) {
      await disk.write(`${receipts}/${receipt.body.lease}`, encodeCanonical(receipt));
      waiting.set(receipt.body.lease, receipt);
    },
    waiting: (limit) => [...waiting.values()].slice(0, limit),
    leases: () => [...waiting.keys()],
    updateOf: (lease) => createDiskBlocks({ folder: `${updates}/${lease}`, disk }),
    async remove(lease) {
      waiting.delete(lease);
      await disk.remove(`${receipts}/${lease}`);
      await disk.remove(`${updates}/${lease}`);
    },
  };
}

/** Oldest work first: names are chance. */
async function readReceipts(folder: string, disk: Disk, log: Log): Promise<Map<LeaseId, Signed<Receipt>>> {
  const found: Signed<Receipt>[] = [];
  for (const name of await disk.list(folder)) {
    const path = `${folder}/${name}`;
    try {
      const bytes = (await disk.read(path)) ?? new Uint8Array();
      const receipt = parseShape(zSignedReceipt, decodeCanonical(bytes), "a result in the outbox");
      if (receipt.body.lease === parseLeaseId(name)) found.push(receipt);
      else await disk.remove(path);
    } catch (error) {
      if (!isFault(error)) throw error;
      // One that cannot be read can never be delivered.
      log.error("result_unreadable", { name, code: error.code });
      await disk.remove(path);
    }
  }
  found.sort((one, other) => one.body.endedAtUnixMs - other.body.endedAtUnixMs);
  return new Map(found.map((receipt) => [receipt.body.lease, receipt]));
}
