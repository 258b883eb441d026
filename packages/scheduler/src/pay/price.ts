/**
 * What a piece of work is paid, from the job that its owner signed and the receipt that its provider signed.
 *
 * Pure, so that every sum in the books can be computed again from receipts. A job's budget is divided evenly over its rounds, a
 * round's part over its units, and a unit's price over its steps; what nobody earned goes back to the owner.
 */
import { assert } from "@pingo/core";

/** Of what a provider earns, for the station that brought the work. */
export const FEE_PERMILLE = 50n;

export interface PricedWork {
  readonly budgetNano: bigint;
  /** Of the whole job. */
  readonly rounds: number;
  /** Of this round. */
  readonly units: number;
  /** Of the unit, and how many of them were done. */
  readonly stepsPlanned: number;
  readonly stepsDone: number;
}

export interface Pay {
  /** What leaves the escrow: both parts below. */
  readonly totalNano: bigint;
  readonly providerNano: bigint;
  readonly feeNano: bigint;
}

export function payOf(work: PricedWork): Pay {
  const { budgetNano, rounds, units, stepsPlanned, stepsDone } = work;
  assert(stepsDone <= stepsPlanned && rounds > 0 && units > 0, "work is part of what was planned");
  // Rounded down once: what all units of a job are paid is never more than its budget.
  const totalNano =
    (budgetNano * BigInt(stepsDone)) / (BigInt(rounds) * BigInt(units) * BigInt(stepsPlanned));
  const feeNano = (totalNano * FEE_PERMILLE) / 1000n;
  return { totalNano, feeNano, providerNano: totalNano - feeNano };
}
