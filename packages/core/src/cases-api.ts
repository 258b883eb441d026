/** Work that tells against who did it: JSON of the control API, and the block that a verdict points to. Paths: apps/fog/src/cases. */
import { z } from "zod";
import type { Cid, LeaseId, NodeId } from "./ids.ts";
import { zCid, zCount, zLeaseId, zNodeId } from "./schema.ts";
import type { Receipt } from "./work.ts";

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
  /** dag-cbor blocks, which this fog node has: what its key signed. None where its lease asked for none. */
  readonly statements: readonly Cid[];
  /** dag-cbor block, a VerdictBlock: what the fog node found, by which the case is named; null of an equivocation. */
  readonly verdict: Cid | null;
}

/** Of GET /v1/jobs/:id/refuted and /v1/providers/:id/refuted: work that counted, and that was taken back since. */
export interface RefutedWork {
  readonly job: Cid;
  readonly round: number;
  readonly unit: number;
  readonly provider: NodeId;
  /** dag-cbor block: the receipt that counts no more. */
  readonly receipt: Cid;
  /** dag-cbor block, a VerdictBlock: the case. */
  readonly verdict: Cid;
  /** What its user was given back, and what of that its provider had been paid; as decimal text. */
  readonly totalNano: string;
  readonly providerNano: string;
  readonly atUnixMs: number;
}

/** dag-cbor block: what somebody found who did a piece of work again, for a stranger to check. */
export interface VerdictBlock {
  readonly kind: "pingo/verdict/v1";
  /** null: nobody asked for one, and no stake answers for the result. */
  readonly statement: Cid | null;
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

const zNano = z.string().regex(/^\d{1,30}$/, "expected whole nano-PINGO");

const zCase: z.ZodType<CaseView> = z.object({
  kind: z.enum(["equivocation", "refuted"]),
  provider: zNodeId,
  lease: zLeaseId,
  job: zCid,
  round: zCount,
  unit: zCount,
  atUnixMs: zCount,
  deviation: z.number().nullable(),
  statements: z.array(zCid).max(8),
  // Not told by fog nodes of before.
  verdict: zCid.nullable().default(null),
});

const zRefuted: z.ZodType<RefutedWork> = z.object({
  job: zCid,
  round: zCount,
  unit: zCount,
  provider: zNodeId,
  receipt: zCid,
  verdict: zCid,
  totalNano: zNano,
  providerNano: zNano,
  atUnixMs: zCount,
});

/** Newest first. */
export const zRefutedWorks: z.ZodType<{ readonly refuted: readonly RefutedWork[] }> = z.object({
  refuted: z.array(zRefuted).max(1_000),
});

export const zCases: z.ZodType<{ readonly cases: readonly CaseView[] }> = z.object({
  cases: z.array(zCase).max(1_000),
});

export const zVerdictBlock: z.ZodType<VerdictBlock> = z.strictObject({
  kind: z.literal("pingo/verdict/v1"),
  statement: zCid.nullable(),
  receipt: zCid,
  unit: zCid,
  steps: z.int().min(1),
  claimed: zCid,
  reexecuted: zCid,
  deviation: z.number().nonnegative().nullable(),
  tolerance: z.number().nonnegative(),
});

/** Whether it is about this result, and tells against it. That it is right, only doing the work again tells. */
export function isVerdictOn(
  { receipt, unit, steps, claimed, reexecuted, deviation, tolerance }: VerdictBlock,
  cid: Cid,
  found: Pick<Receipt, "unit" | "steps" | "update">,
): boolean {
  const isAbout = receipt === cid && unit === found.unit && steps === found.steps && claimed === found.update;
  return isAbout && claimed !== reexecuted && (deviation === null || deviation > tolerance);
}
