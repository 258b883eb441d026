/** What a transaction cost, by phase. */
import type { Cell } from "@ton/core";
import { readTransaction } from "./read-transaction.ts";

export interface Fees {
  /** Of bringing the message in. */
  readonly inForward: bigint;
  readonly storage: bigint;
  readonly gas: bigint;
  /** Of what it sent. */
  readonly forward: bigint;
}

export function estimateFees(cell: Cell): Fees {
  const { transaction } = readTransaction(cell);
  const { description, totalFees } = transaction;
  if (description.type !== "generic") return { inForward: 0n, storage: 0n, gas: 0n, forward: 0n };
  const storage = description.storagePhase?.storageFeesCollected ?? 0n;
  const gas = description.computePhase.type === "vm" ? description.computePhase.gasFees : 0n;
  const action = description.actionPhase?.totalActionFees ?? 0n;
  const forward = description.actionPhase?.totalFwdFees ?? 0n;
  // Of the total, the collected part of the forwarding fee is in the action fees; the rest travels with the messages.
  return { inForward: totalFees.coins - storage - gas - action, storage, gas, forward };
}
