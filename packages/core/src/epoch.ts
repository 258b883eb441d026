/** What the emission gave in an epoch, as a fog node publishes it (JSON, a UnixFS file). Rule: packages/scheduler/src/pay/rewards.ts. */
import { z } from "zod";
import type { CountedReceipt } from "./bill.ts";
import type { Cid, NodeId } from "./ids.ts";
import { zCid, zCount, zNodeId } from "./schema.ts";

/** The two vaults that a schedule opens: for contributors and creators, for fog nodes and users. */
export const POOLS = ["compute", "fog"] as const;
export type Pool = (typeof POOLS)[number];

/** All that it takes to compute the same again; what is named by its id is a block of the fog node's. */
export interface EpochDocument {
  readonly kind: "pingo/epoch/v1";
  /** -239 mainnet; -3 testnet, and the devnet with it. */
  readonly network: -239 | -3;
  /** 1 is the first. */
  readonly epoch: number;
  /** Of the epoch before in which something was given; null: nothing was yet. */
  readonly previous: Cid | null;
  readonly fog: NodeId;
  readonly jobs: readonly EpochJob[];
  /** Blocks: the WalletLink of each provider. One that has none is given nothing. */
  readonly links: readonly Cid[];
  readonly pools: Readonly<Record<Pool, EpochPool>>;
}

/** A job whose escrow on chain is closed. Its id is the block that its owner signed. */
export interface EpochJob {
  readonly job: Cid;
  /** Training that came to a model. */
  readonly isModel: boolean;
  /** workchain:hex; with the deadline it is what the escrow's address is computed from. */
  readonly user: string;
  readonly deadlineUnixS: number;
  /** What the escrow paid. */
  readonly paidNano: string;
  readonly receipts: readonly EpochReceipt[];
}

export interface EpochReceipt extends CountedReceipt {
  /** Block, a VerdictBlock: the work was refuted since, and gives nothing. */
  readonly refuted?: Cid;
}

export interface EpochPool {
  /** What the schedule opened with this epoch. */
  readonly roomNano: string;
  /** Of this epoch; by owner, as the next. */
  readonly rewards: readonly EpochShare[];
  /** All in all: the leaves of the claim tree. */
  readonly given: readonly EpochShare[];
  readonly totalNano: string;
  /** 64 hexadecimal digits; null while nobody was given anything. */
  readonly root: string | null;
}

export interface EpochShare {
  /** workchain:hex */
  readonly owner: string;
  readonly nano: string;
}

/** A million owners, all in all and anew, in both pools. */
export const EPOCH_BYTES_MAX = 512 * 2 ** 20;

const zAmount = z.string().regex(/^\d{1,19}$/, "expected whole nano-PINGO");
const zOwner = z.string().regex(/^0:[0-9a-f]{64}$/, "expected a raw address in lower case, like 0:…");
const zShares: z.ZodType<readonly EpochShare[]> = z.array(z.strictObject({ owner: zOwner, nano: zAmount }));

const zPool: z.ZodType<EpochPool> = z.strictObject({
  roomNano: zAmount,
  rewards: zShares,
  given: zShares,
  totalNano: zAmount,
  root: z
    .string()
    .regex(/^[0-9a-f]{64}$/, "expected 64 hexadecimal digits")
    .nullable(),
});

export const zEpochDocument: z.ZodType<EpochDocument> = z.strictObject({
  kind: z.literal("pingo/epoch/v1"),
  network: z.literal([-239, -3]),
  epoch: z.int().min(1),
  previous: zCid.nullable(),
  fog: zNodeId,
  jobs: z.array(
    z.strictObject({
      job: zCid,
      isModel: z.boolean(),
      user: zOwner,
      deadlineUnixS: zCount,
      paidNano: zAmount,
      receipts: z.array(
        z.strictObject({ receipt: zCid, units: z.int().min(1), refuted: zCid.exactOptional() }),
      ),
    }),
  ),
  links: z.array(zCid),
  pools: z.strictObject({ compute: zPool, fog: zPool }),
});
