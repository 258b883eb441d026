/**
 * A job's bill is computed once, written with what it stands for, and sent as it was written, however often: what may be on its way is what the list
 * shows. Work that is refuted after that is paid by its bill and paid back.
 */
import { isFault, type Log } from "@pingo/core";
import { evidenceOfReceipts } from "@pingo/scheduler";
import type { Blocks } from "@pingo/storage";
import type { EscrowRow, Sql } from "../database/schema.ts";
import type { SettlementChain } from "./settlement-chain.ts";
import { billOf, keepBill, setBillSent } from "./settlement-store.ts";
import { writeBill } from "./write-bill.ts";

export interface BillOptions {
  readonly chain: Pick<SettlementChain, "bill" | "nowUnixS">;
  readonly sql: Sql;
  readonly blocks: Blocks;
  readonly log: Log;
}

/** Twice what an order is valid for, since the chain's clock may be behind; until then it may arrive. */
const ARRIVES_S = 120;
/** Nothing was sent: tried again at the next look. */
const UNSENT: readonly string[] = [
  ...["WALLET_EMPTY", "WALLET_BUSY", "CHAIN_REFUSED", "CHAIN_UNREACHABLE", "CHAIN_KEY_REFUSED"],
];

/** Of an escrow that the chain shows open. @throws {FaultError} why it could not be sent */
export async function sendBill(options: BillOptions, escrow: EscrowRow): Promise<void> {
  const { chain, sql, log } = options;
  const { job, billSentUntilUnixS } = escrow;
  const nowUnixS = await chain.nowUnixS();
  if (billSentUntilUnixS !== null && nowUnixS < billSentUntilUnixS) return;
  const { amountNano, evidence } = await writtenBill(options, escrow);
  await setBillSent(sql, job, nowUnixS + ARRIVES_S);
  try {
    await chain.bill(escrow, amountNano, evidence);
  } catch (error) {
    if (isFault(error) && UNSENT.includes(error.code)) await setBillSent(sql, job, null);
    throw error;
  }
  log.info("escrow_billed", { job, amountNano: amountNano.toString() });
}

async function writtenBill(
  { sql, blocks }: BillOptions,
  { job, billNano, billEvidence }: EscrowRow,
): Promise<{ readonly amountNano: bigint; readonly evidence: Uint8Array }> {
  if (billNano !== null && billEvidence !== null) return { amountNano: billNano, evidence: billEvidence };
  const { amountNano, receipts } = await billOf(sql, job);
  const evidence = evidenceOfReceipts(receipts.map(({ receipt }) => receipt));
  await keepBill(sql, job, { amountNano, evidence, list: await writeBill(sql, blocks, { job, receipts }) });
  return { amountNano, evidence };
}
