/** What the fog node's control API tells of the emission (JSON; nano-PINGO as decimal text). Paths: apps/fog/src/emission. */
import { z } from "zod";
import { POOLS, type Pool } from "./epoch.ts";
import type { Cid } from "./ids.ts";
import { zCid, zCount, zSentence } from "./schema.ts";

/** GET /v1/emission: the schedule's epoch, roots as the chain has them, and the epochs that were closed here. */
export interface EmissionView {
  /** The epoch that runs; it ends then, by the chain's clock. */
  readonly running: number;
  readonly endsAtUnixS: number;
  readonly epochSeconds: number;
  /** Between a root and its first payment. */
  readonly windowSeconds: number;
  readonly pools: readonly PoolView[];
  /** Newest first. */
  readonly epochs: readonly ClosedEpoch[];
}

export interface PoolView {
  readonly pool: Pool;
  readonly paidNano: string;
  /** It pays; null: none ever did. */
  readonly active: RootView | null;
  readonly waiting: (RootView & { readonly untilUnixS: number; readonly isChallenged: boolean }) | null;
}

export interface RootView {
  readonly epoch: number;
  /** 64 hexadecimal digits. */
  readonly root: string;
  readonly totalNano: string;
}

export interface ClosedEpoch {
  readonly epoch: number;
  /** Its file: an EpochDocument. */
  readonly document: Cid;
  /** Of the pools that gave something in it. */
  readonly roots: readonly { readonly pool: Pool; readonly root: string; readonly totalNano: string }[];
}

/** GET /v1/rewards/:address: what the emission gave a wallet. */
export interface RewardsView {
  /** workchain:hex */
  readonly owner: string;
  readonly running: number;
  readonly endsAtUnixS: number;
  readonly pools: readonly PoolRewards[];
}

export interface PoolRewards {
  readonly pool: Pool;
  /** All in all, by the epochs that are closed. */
  readonly givenNano: string;
  /** By the books, which come a moment after the chain. */
  readonly claimedNano: string;
  /** Of what was given, what the root in force pays. */
  readonly inForceNano: string;
  /** Under that root: a bag of cells in base64; null where it gives nothing. */
  readonly proof: string | null;
  /** When the root that waits comes into force, unless it is challenged; null: none waits. */
  readonly waitsUntilUnixS: number | null;
  /** What the epoch that runs would give by now. */
  readonly runningNano: string;
}

const zNano = z.string().regex(/^\d{1,30}$/);
const zPoolName = z.enum(POOLS);
const zRoot = z.string().regex(/^[0-9a-f]{64}$/);
const zRootView = z.object({ epoch: zCount, root: zRoot, totalNano: zNano });
const PROOF_CHARS_MAX = 65_536;

export const zEmissionView: z.ZodType<EmissionView> = z.object({
  running: zCount,
  endsAtUnixS: zCount,
  epochSeconds: zCount,
  windowSeconds: zCount,
  pools: z.array(
    z.object({
      pool: zPoolName,
      paidNano: zNano,
      active: zRootView.nullable(),
      waiting: zRootView.extend({ untilUnixS: zCount, isChallenged: z.boolean() }).nullable(),
    }),
  ),
  epochs: z.array(
    z.object({
      epoch: zCount,
      document: zCid,
      roots: z.array(z.object({ pool: zPoolName, root: zRoot, totalNano: zNano })),
    }),
  ),
});

export const zRewardsView: z.ZodType<RewardsView> = z.object({
  owner: zSentence,
  running: zCount,
  endsAtUnixS: zCount,
  pools: z.array(
    z.object({
      pool: zPoolName,
      givenNano: zNano,
      claimedNano: zNano,
      inForceNano: zNano,
      proof: z.string().max(PROOF_CHARS_MAX).nullable(),
      waitsUntilUnixS: zCount.nullable(),
      runningNano: zNano,
    }),
  ),
});
