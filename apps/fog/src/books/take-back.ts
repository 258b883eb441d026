/**
 * What refuted work was paid goes back to the user of its job, all of it and at once: the station's fee, what the provider still has, and for the rest the
 * provider owes. The pay stays where it is; this is a transfer of its own. Why so: docs/adr/0022.
 */
import type { JobId, LeaseId, NodeId } from "@pingo/core";
import { eq } from "drizzle-orm";
import { entries, type Sql, transfers } from "../database/schema.ts";
import { fogAccount, owesAccount, ownerAccount, providerAccount } from "./accounts.ts";
import { balanceNano } from "./ledger.ts";
import { holdAccounts, post } from "./post.ts";

export interface TakeBack {
  readonly lease: LeaseId;
  readonly job: JobId;
  readonly owner: NodeId;
  readonly provider: NodeId;
  readonly fog: NodeId;
  readonly atUnixMs: number;
}

/** One receipt is paid once, and taken back once: by its lease, however many find against it. */
export function takeBackKey(lease: LeaseId): `refuted/${string}` {
  return `refuted/${lease}`;
}

/** In the transaction of the verdict. @returns what came back to the user now */
export async function takeBack(sql: Sql, from: TakeBack): Promise<bigint> {
  const { lease, job, owner, provider, fog, atUnixMs } = from;
  const paid = await paidFor(sql, lease);
  const providerNano = paid.get(providerAccount(provider)) ?? 0n;
  const feeNano = paid.get(fogAccount(fog)) ?? 0n;
  const totalNano = providerNano + feeNano;
  if (totalNano === 0n) return 0n;
  const [own, owes] = [providerAccount(provider), owesAccount(provider)];
  // Not what it owes: only who holds a provider's account touches that one, or two such transactions would wait for each other.
  await holdAccounts(sql, [fogAccount(fog), ownerAccount(owner), own]);
  const hasNano = await balanceNano(sql, own);
  const takenNano = hasNano < providerNano ? hasNano : providerNano;
  const parts = [
    [ownerAccount(owner), totalNano],
    [fogAccount(fog), -feeNano],
    [own, -takenNano],
    [owes, takenNano - providerNano],
  ] as const;
  const isNew = await post(sql, {
    ...{ key: takeBackKey(lease), kind: "takeback", job, atUnixMs },
    entries: parts.filter(([, nano]) => nano !== 0n),
  });
  return isNew ? totalNano : 0n;
}

async function paidFor(sql: Sql, lease: LeaseId): Promise<ReadonlyMap<string, bigint>> {
  const rows = await sql
    .select({ account: entries.account, amountNano: entries.amountNano })
    .from(entries)
    .innerJoin(transfers, eq(transfers.id, entries.transfer))
    .where(eq(transfers.key, `pay/${lease}`));
  return new Map(rows.map(({ account, amountNano }) => [account, amountNano]));
}
