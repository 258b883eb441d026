/** What a provider owes for refuted work is taken from whatever it earns next, before anything of it can be paid out or spent. */
import type { NodeId } from "@pingo/core";
import type { Sql } from "../database/schema.ts";
import { owesAccount, providerAccount } from "./accounts.ts";
import { balanceNano } from "./ledger.ts";
import { post } from "./post.ts";

export interface SetOff {
  /** Key of the transfer that its account was just given something by. */
  readonly cause: string;
  readonly provider: NodeId;
  readonly atUnixMs: number;
}

/** In the transaction of the cause. Whoever owes has nothing, and whoever has something owes nothing. */
export async function setOff(sql: Sql, { cause, provider, atUnixMs }: SetOff): Promise<void> {
  const owes = owesAccount(provider);
  const owedNano = -(await balanceNano(sql, owes));
  if (owedNano === 0n) return;
  const own = providerAccount(provider);
  const hasNano = await balanceNano(sql, own);
  const partNano = hasNano < owedNano ? hasNano : owedNano;
  if (partNano === 0n) return;
  await post(sql, {
    ...{ key: `setoff/${cause}`, kind: "setoff", job: null, atUnixMs },
    entries: [
      [own, -partNano],
      [owes, partNano],
    ],
  });
}
