/**
 * An outbox of files, for who has a disk (or something like it, as a page does) and no database: a file for each result and for each slot, and the
 * blocks of each update in a folder of its own.
 */
import {
  cidOfValue,
  type Disk,
  decodeCanonical,
  encodeCanonical,
  equalBytes,
  type FinishedResult,
  isFault,
  type LeaseId,
  type Log,
  parseLeaseId,
  parseShape,
  type Receipt,
  slotOf,
  zBytes,
  zCount,
  zFinishedResult,
} from "@pingo/core";
import { type Blocks, createDiskBlocks } from "@pingo/storage";
import { z } from "zod";
import { LendingError } from "./lending-error.ts";
import { type Outbox, SLOTS_KEPT } from "./outbox.ts";

export interface FileOutbox extends Outbox {
  /** The update's blocks are written here before its result is put. */
  updateOf(lease: LeaseId): Blocks;
}

export interface FileOutboxOptions {
  readonly folder: string;
  readonly disk: Disk;
  readonly log: Log;
  /** {@link SLOTS_KEPT} unless given. */
  readonly slotsKept?: number;
}

/** Updates without a result are removed: whoever worked on them was ended before it signed. */
export async function openFileOutbox(options: FileOutboxOptions): Promise<FileOutbox> {
  const { folder, disk, log } = options;
  const results = `${folder}/results`;
  const updates = `${folder}/updates`;
  const slots = await openSlots(options);
  const waiting = await readResults(results, disk, log);
  for (const name of await disk.list(updates)) {
    if (![...waiting.keys()].some((lease) => lease === name)) await disk.remove(`${updates}/${name}`);
  }
  return {
    async put(result) {
      const { receipt, statement } = result;
      const { lease } = receipt.body;
      // In this order: whatever is killed between, nothing was sent that is not remembered.
      if (statement !== null) await slots.sign(receipt.body, statement.commitment);
      await disk.write(`${results}/${lease}`, encodeCanonical(result));
      waiting.set(lease, result);
    },
    assertUnsigned: ({ id, unit, issuedAtUnixMs }) =>
      slots.assertUnsigned({ lease: id, unit: cidOfValue(unit), issuedAtUnixMs }),
    waiting: (limit) => [...waiting.values()].slice(0, limit),
    leases: () => [...waiting.keys()],
    updateOf: (lease) => createDiskBlocks({ folder: `${updates}/${lease}`, disk }),
    async remove(lease) {
      waiting.delete(lease);
      await disk.remove(`${results}/${lease}`);
      await disk.remove(`${updates}/${lease}`);
    },
  };
}

type Asked = Pick<Receipt, "lease" | "unit" | "issuedAtUnixMs">;

interface SignedSlot {
  readonly commitment: Uint8Array;
  readonly issuedAtUnixMs: number;
}

const zSignedSlot: z.ZodType<SignedSlot> = z.strictObject({ commitment: zBytes, issuedAtUnixMs: zCount });

interface Slots {
  sign(asked: Asked, commitment: Uint8Array): Promise<void>;
  assertUnsigned(asked: Asked): void;
}

async function openSlots({ folder, disk, slotsKept = SLOTS_KEPT }: FileOutboxOptions): Promise<Slots> {
  const slots = `${folder}/slots`;
  const floorPath = `${folder}/slots-forgotten`;
  const bySlot = new Map<string, SignedSlot>();
  for (const name of await disk.list(slots)) {
    const bytes = (await disk.read(`${slots}/${name}`)) ?? new Uint8Array();
    // Not skipped when it cannot be read: whoever forgets what it signed must not sign again.
    bySlot.set(name, parseShape(zSignedSlot, decodeCanonical(bytes), "a signed slot"));
  }
  const floor = await disk.read(floorPath);
  let floorUnixMs = floor === undefined ? -1 : parseShape(zCount, decodeCanonical(floor), "the oldest lease");

  const forget = async (): Promise<void> => {
    while (bySlot.size > slotsKept) {
      const [name, { issuedAtUnixMs }] = [...bySlot].reduce((one, other) =>
        other[1].issuedAtUnixMs < one[1].issuedAtUnixMs ? other : one,
      );
      // The floor first: what is forgotten is refused from then on.
      if (issuedAtUnixMs > floorUnixMs) {
        await disk.write(floorPath, encodeCanonical(issuedAtUnixMs));
        floorUnixMs = issuedAtUnixMs;
      }
      await disk.remove(`${slots}/${name}`);
      bySlot.delete(name);
    }
  };
  return {
    async sign(asked, commitment) {
      const { lease, issuedAtUnixMs } = asked;
      const name = hexOf(slotOf(asked));
      const before = bySlot.get(name);
      if (before !== undefined) {
        if (equalBytes(before.commitment, commitment)) return;
        throw new LendingError({ code: "SLOT_SIGNED", lease });
      }
      if (issuedAtUnixMs <= floorUnixMs) throw new LendingError({ code: "LEASE_OLD", lease });
      const signed = { commitment, issuedAtUnixMs };
      // Known before it is written: a write that fails may have been done all the same.
      bySlot.set(name, signed);
      await disk.write(`${slots}/${name}`, encodeCanonical(signed));
      await forget();
    },
    assertUnsigned(asked) {
      const { lease, issuedAtUnixMs } = asked;
      if (bySlot.has(hexOf(slotOf(asked)))) throw new LendingError({ code: "SLOT_SIGNED", lease });
      if (issuedAtUnixMs <= floorUnixMs) throw new LendingError({ code: "LEASE_OLD", lease });
    },
  };
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Oldest work first: names are chance. */
async function readResults(folder: string, disk: Disk, log: Log): Promise<Map<LeaseId, FinishedResult>> {
  const found: FinishedResult[] = [];
  for (const name of await disk.list(folder)) {
    const path = `${folder}/${name}`;
    try {
      const bytes = (await disk.read(path)) ?? new Uint8Array();
      const result = parseShape(zFinishedResult, decodeCanonical(bytes), "a result in the outbox");
      if (result.receipt.body.lease === parseLeaseId(name)) found.push(result);
      else await disk.remove(path);
    } catch (error) {
      if (!isFault(error)) throw error;
      // One that cannot be read can never be delivered.
      log.error("result_unreadable", { name, code: error.code });
      await disk.remove(path);
    }
  }
  found.sort((one, other) => one.receipt.body.endedAtUnixMs - other.receipt.body.endedAtUnixMs);
  return new Map(found.map((result) => [result.receipt.body.lease, result]));
}
