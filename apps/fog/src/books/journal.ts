/** What jobs and their work move in the books: each transfer in the transaction of what causes it, each once. */
import type { JobId, LeaseId, NodeId } from "@pingo/core";
import type { Pay } from "@pingo/scheduler";
import type { Sql } from "../database/schema.ts";
import { FogError } from "../fault.ts";
import { type AccountId, escrowAccount, fogAccount, ownerAccount, providerAccount } from "./accounts.ts";
import { balanceNano, earningsOfWallet } from "./ledger.ts";
import { post } from "./post.ts";
import { setOff } from "./set-off.ts";

/** The owner's budget is put aside before the job is there to be worked on. @throws {FogError} FUNDS_MISSING where there is no credit */
export async function postEscrow(
  sql: Sql,
  {
    job,
    owner,
    budgetNano,
    atUnixMs,
    hasCredit,
  }: {
    readonly job: JobId;
    readonly owner: NodeId;
    readonly budgetNano: bigint;
    readonly atUnixMs: number;
    /** The owner may owe. */
    readonly hasCredit: boolean;
  },
): Promise<void> {
  if (budgetNano === 0n) return;
  const entries = [
    [ownerAccount(owner), -budgetNano],
    [escrowAccount(job), budgetNano],
  ] as const;
  await post(sql, { key: `escrow/${job}`, kind: "escrow", job, atUnixMs, entries });
  if (hasCredit) return;
  await postOwnEarnings(sql, job, owner, atUnixMs);
  // This transaction holds the account's row by now: nobody else spends it meanwhile.
  const leftNano = await balanceNano(sql, ownerAccount(owner));
  if (leftNano < 0n) throw new FogError({ code: "FUNDS_MISSING", owner, budgetNano, missingNano: -leftNano });
}

/** What an owner lacks is paid from what the nodes of the same wallet earned here. */
async function postOwnEarnings(sql: Sql, job: JobId, owner: NodeId, atUnixMs: number): Promise<void> {
  let lackedNano = -(await balanceNano(sql, ownerAccount(owner)));
  if (lackedNano <= 0n) return;
  const entries: [AccountId, bigint][] = [];
  for (const { account, earnedNano } of await earningsOfWallet(sql, owner)) {
    const partNano = earnedNano < lackedNano ? earnedNano : lackedNano;
    if (partNano <= 0n) continue;
    entries.push([account, -partNano], [ownerAccount(owner), partNano]);
    lackedNano -= partNano;
  }
  if (entries.length > 0) await post(sql, { key: `fund/${job}`, kind: "fund", job, atUnixMs, entries });
}

/** For a receipt that counts. */
export async function postPay(
  sql: Sql,
  {
    job,
    lease,
    provider,
    fog,
    pay,
    atUnixMs,
  }: {
    readonly job: JobId;
    readonly lease: LeaseId;
    readonly provider: NodeId;
    readonly fog: NodeId;
    readonly pay: Pay;
    readonly atUnixMs: number;
  },
): Promise<void> {
  const { totalNano, providerNano, feeNano } = pay;
  if (totalNano === 0n) return;
  const entries = [
    [escrowAccount(job), -totalNano],
    [providerAccount(provider), providerNano],
    [fogAccount(fog), feeNano],
  ] as const;
  const key = `pay/${lease}`;
  await post(sql, { key, kind: "pay", job, atUnixMs, entries });
  await setOff(sql, { cause: key, provider, atUnixMs });
}

/** What a job that has ended did not use goes back. */
export async function postRefund(sql: Sql, job: JobId, owner: NodeId, atUnixMs: number): Promise<void> {
  const leftNano = await balanceNano(sql, escrowAccount(job));
  if (leftNano === 0n) return;
  const entries = [
    [escrowAccount(job), -leftNano],
    [ownerAccount(owner), leftNano],
  ] as const;
  await post(sql, { key: `refund/${job}`, kind: "refund", job, atUnixMs, entries });
}
