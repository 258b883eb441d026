/** What a bill on chain stands for, as a fog node publishes it (JSON, a UnixFS file). Checked by: packages/scheduler/src/pay/bill.ts. */
import { z } from "zod";
import type { Cid, JobId } from "./ids.ts";
import { zCid } from "./schema.ts";

/** The job, each receipt and the unit that it names are blocks of the fog node's, from before the bill is on chain. */
export interface BillDocument {
  readonly kind: "pingo/bill/v1";
  readonly job: JobId;
  /** By round and place. The bill's evidence is the SHA-256 of the canonical form of the list of their ids. */
  readonly receipts: readonly CountedReceipt[];
}

export interface CountedReceipt {
  /** Block: Signed<Receipt>, which names its unit, a block as well. */
  readonly receipt: Cid;
  /** Of its round. */
  readonly units: number;
}

export const BILL_BYTES_MAX = 64 * 2 ** 20;
/** So many have room in it, whatever they are: a job that could come to more is not billed. */
export const BILL_RECEIPTS_MAX = 600_000;

const zCountedReceipt: z.ZodType<CountedReceipt> = z.strictObject({
  receipt: zCid,
  units: z.int().min(1),
});

export const zBillDocument: z.ZodType<BillDocument> = z.strictObject({
  kind: z.literal("pingo/bill/v1"),
  job: zCid,
  receipts: z.array(zCountedReceipt),
});
