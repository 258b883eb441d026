/** What the fog node's control API tells of money (JSON; nano-PINGO as decimal text). Paths: apps/fog/src/books. */
import { z } from "zod";
import type { Cid } from "./ids.ts";
import { zCid, zCount, zSentence } from "./schema.ts";

/** GET /v1/books/:node */
export interface BooksView {
  /** What it may spend on jobs; below zero what it owes. */
  readonly ownerNano: string;
  /** What it earned by working and was not paid out yet. */
  readonly providerNano: string;
  /** Fees, where it is a fog node. */
  readonly fogNano: string;
  /** By work and fees since its first day, wherever it is by now. */
  readonly earnedNano: string;
  /** Of what it earned, what went to its wallet. */
  readonly paidOutNano: string;
  /** For work that was refuted since; not in what it earned. */
  readonly takenBackNano: string;
  /** Of that, what it had no more: it is taken from what it earns next. */
  readonly owedNano: string;
  /** For refuted work that its escrows had paid: what of it is not on its way back to its wallet yet. */
  readonly refundsToComeNano: string;
  /** On jobs, or put aside for those that run. */
  readonly spentNano: string;
  /** Newest first. */
  readonly lines: readonly BooksLine[];
}

export interface BooksLine {
  readonly transfer: number;
  readonly kind: string;
  readonly job: Cid | null;
  readonly atUnixMs: number;
  readonly account: string;
  readonly amountNano: string;
}

/** GET /v1/jobs/:id/payments: what each account got or gave, the most first. */
export interface JobPayments {
  readonly payments: readonly { readonly account: string; readonly amountNano: string }[];
}

/** GET /v1/jobs/:id/escrow: where a job's budget is to be, where budgets are paid on chain. */
export interface JobEscrowView {
  /** books: this fog node asks for no escrow. */
  readonly payment: "books" | "chain";
  /** null until the fog node has named one. */
  readonly escrow: EscrowInfo | null;
}

export interface EscrowInfo {
  /** workchain:hex, as the next. */
  readonly address: string;
  readonly userAddress: string;
  readonly deadlineUnixS: number;
  readonly state: "awaited" | "funded" | "billed" | "disputed" | "closed" | "abandoned";
  /** UnixFS file: the BillDocument; null before there is a bill. */
  readonly bill: Cid | null;
}

/** What is lent now. */
export interface OfferTotals {
  readonly slots: number;
  readonly freeSlots: number;
  readonly cpuMillicores: number;
}

/** GET /v1/market: what the last receipts that were paid for came to, all together. */
export interface MarketView extends OfferTotals {
  readonly receipts: number;
  readonly paidNano: string;
  /** As their providers say. */
  readonly cpuMs: number;
}

/** GET /v1/audit */
export interface BooksReport {
  readonly jobs: number;
  readonly receipts: number;
  readonly transfers: number;
  /** What the receipts come to. */
  readonly paidNano: string;
  /** Verdicts, and what was taken back for them. */
  readonly refuted: number;
  readonly takenBackNano: string;
  readonly differences: number;
  /** The first of them. */
  readonly findings: readonly BooksFinding[];
  /** What strangers did that the books need not say, and that is no difference: PINGO sent to the station, or to an escrow that nobody waits for. */
  readonly notes: readonly BooksFinding[];
  /** null: this fog node is not paid on chain. */
  readonly chain: ChainReport | null;
  /** null: it gives no rewards. */
  readonly emission: EmissionReport | null;
}

/** What was given for the work of closed epochs, all in all, and what of it left the vaults. */
export interface EmissionReport {
  readonly epochs: number;
  readonly givenNano: string;
  readonly claimedNano: string;
}

/** What the station's PINGO wallet on chain was compared by. */
export interface ChainReport {
  readonly escrows: number;
  readonly payouts: number;
  /** By the transactions of that wallet. */
  readonly inNano: string;
  readonly outNano: string;
  /** Of what went out, what wallets sent back. */
  readonly backNano: string;
}

export interface BooksFinding {
  readonly code: string;
  readonly where: string;
  readonly what: string;
}

const zNano = z.string().regex(/^-?\d{1,30}$/);

export const zBooksView: z.ZodType<BooksView> = z.object({
  ownerNano: zNano,
  providerNano: zNano,
  fogNano: zNano,
  earnedNano: zNano,
  paidOutNano: zNano,
  // Not told by fog nodes of before, as the next.
  takenBackNano: zNano.default("0"),
  owedNano: zNano.default("0"),
  refundsToComeNano: zNano.default("0"),
  spentNano: zNano,
  lines: z.array(
    z.object({
      transfer: zCount,
      kind: zSentence,
      job: zCid.nullable(),
      atUnixMs: zCount,
      account: zSentence,
      amountNano: zNano,
    }),
  ),
});

export const zJobPayments: z.ZodType<JobPayments> = z.object({
  payments: z.array(z.object({ account: zSentence, amountNano: zNano })),
});

export const zJobEscrowView: z.ZodType<JobEscrowView> = z.object({
  payment: z.enum(["books", "chain"]),
  escrow: z
    .object({
      address: zSentence,
      userAddress: zSentence,
      deadlineUnixS: z.int().nonnegative().max(0xffff_ffff),
      state: z.enum(["awaited", "funded", "billed", "disputed", "closed", "abandoned"]),
      // Not told by fog nodes of before.
      bill: zCid.nullable().default(null),
    })
    .nullable(),
});

export const zMarketView: z.ZodType<MarketView> = z.object({
  receipts: zCount,
  paidNano: zNano,
  cpuMs: z.number().nonnegative(),
  slots: zCount,
  freeSlots: zCount,
  cpuMillicores: zCount,
});

const zFinding = z.object({ code: zSentence, where: zSentence, what: zSentence });

export const zBooksReport: z.ZodType<BooksReport> = z.object({
  jobs: zCount,
  receipts: zCount,
  transfers: zCount,
  paidNano: zNano,
  // Not told by fog nodes of before, as the next.
  refuted: zCount.default(0),
  takenBackNano: zNano.default("0"),
  differences: zCount,
  chain: z
    .object({ escrows: zCount, payouts: zCount, inNano: zNano, outNano: zNano, backNano: zNano })
    .nullable(),
  emission: z.object({ epochs: zCount, givenNano: zNano, claimedNano: zNano }).nullable(),
  findings: z.array(zFinding),
  // Not told by fog nodes of before.
  notes: z.array(zFinding).default([]),
});
