/** Work that tells against who did it: JSON of the control API, and the block that a verdict points to. Paths: apps/fog/src/cases. */
import { z } from "zod";
import type { Cid, LeaseId, NodeId } from "./ids.ts";
import { zCid, zCount, zLeaseId, zNodeId } from "./schema.ts";

/** Of GET /v1/cases. */
export interface CaseView {
  /** Two results signed for one lease, or one that does not come out again. */
  readonly kind: "equivocation" | "refuted";
  readonly provider: NodeId;
  readonly lease: LeaseId;
  readonly job: Cid;
  readonly round: number;
  readonly unit: number;
  readonly atUnixMs: number;
  /** ‖theirs - ours‖ / ‖ours‖, as the fog node found it; null of an equivocation. */
  readonly deviation: number | null;
  /** dag-cbor blocks, which this fog node has: what its key signed. */
  readonly statements: readonly Cid[];
}

/** dag-cbor block: what somebody found who did a piece of work again, for a stranger to check. */
export interface VerdictBlock {
  readonly kind: "pingo/verdict/v1";
  readonly statement: Cid;
  readonly receipt: Cid;
  readonly unit: Cid;
  /** So many were done again. */
  readonly steps: number;
  /** What was handed in, and what came out again. */
  readonly claimed: Cid;
  readonly reexecuted: Cid;
  /** null: without bound. */
  readonly deviation: number | null;
  readonly tolerance: number;
}

const zCase: z.ZodType<CaseView> = z.object({
  kind: z.enum(["equivocation", "refuted"]),
  provider: zNodeId,
  lease: zLeaseId,
  job: zCid,
  round: zCount,
  unit: zCount,
  atUnixMs: zCount,
  deviation: z.number().nullable(),
  statements: z.array(zCid).min(1).max(8),
});

export const zCases: z.ZodType<{ readonly cases: readonly CaseView[] }> = z.object({
  cases: z.array(zCase).max(1_000),
});

export const zVerdictBlock: z.ZodType<VerdictBlock> = z.strictObject({
  kind: z.literal("pingo/verdict/v1"),
  statement: zCid,
  receipt: zCid,
  unit: zCid,
  steps: z.int().min(1),
  claimed: zCid,
  reexecuted: zCid,
  deviation: z.number().nonnegative().nullable(),
  tolerance: z.number().nonnegative(),
});
