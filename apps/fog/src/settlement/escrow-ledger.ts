/** Writes down what the chain showed of a job's escrow: its state and what moved, in one transaction. */
import { fogPurse, outerEscrow, ownerAccount } from "../books/accounts.ts";
import { balanceNano } from "../books/ledger.ts";
import { post } from "../books/post.ts";
import type { Sql } from "../database/schema.ts";
import { type JobToSettle, setEscrowState } from "./settlement-store.ts";

export async function recordDeposit(
  sql: Sql,
  { job, owner }: Pick<JobToSettle, "job" | "owner">,
  depositedNano: bigint,
  atUnixMs: number,
): Promise<void> {
  await sql.transaction(async (tx) => {
    await setEscrowState(tx, job, "funded");
    await post(tx, {
      ...{ key: `deposit/${job}`, kind: "fund", job, atUnixMs },
      entries: [
        [outerEscrow(job), -depositedNano],
        [ownerAccount(owner), depositedNano],
      ],
    });
  });
}

/** @param billedNano what it paid; the rest went back */
export async function recordClose(
  sql: Sql,
  { job, owner }: Pick<JobToSettle, "job" | "owner">,
  billedNano: bigint,
  atUnixMs: number,
): Promise<void> {
  await sql.transaction(async (tx) => {
    await setEscrowState(tx, job, "closed");
    const depositedNano = -(await balanceNano(tx, outerEscrow(job)));
    const backNano = depositedNano - billedNano;
    if (billedNano > 0n)
      await post(tx, {
        ...{ key: `billed/${job}`, kind: "fund", job, atUnixMs },
        entries: [
          [fogPurse, -billedNano],
          [outerEscrow(job), billedNano],
        ],
      });
    if (backNano > 0n)
      await post(tx, {
        ...{ key: `returned/${job}`, kind: "payout", job, atUnixMs },
        entries: [
          [ownerAccount(owner), -backNano],
          [outerEscrow(job), backNano],
        ],
      });
  });
}
