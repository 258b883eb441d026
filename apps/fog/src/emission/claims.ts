/** What was claimed on chain, written in the books: from the transactions of the vaults' PINGO wallets, each once. */
import type { PingoMove } from "@pingo/contracts";
import { type Clock, type Log, type NodeId, POOLS, type Pool } from "@pingo/core";
import { type AccountId, fogAccount, fogPurse, outerPool, rewardAccount } from "../books/accounts.ts";
import { post } from "../books/post.ts";
import type { Sql } from "../database/schema.ts";
import type { EmissionChain } from "./emission-chain.ts";
import { claimCursor, ownersOf, setClaimCursor } from "./emission-store.ts";

export interface ClaimsOptions {
  readonly chain: EmissionChain;
  readonly fog: NodeId;
  readonly sql: Sql;
  readonly clock: Clock;
  readonly log: Log;
}

export class Claims {
  readonly #options: ClaimsOptions;

  constructor(options: ClaimsOptions) {
    this.#options = options;
  }

  async follow(): Promise<void> {
    for (const pool of POOLS) await this.#followPool(pool);
  }

  async #followPool(pool: Pool): Promise<void> {
    const { chain, sql, log } = this.#options;
    const afterLt = await claimCursor(sql, pool);
    const moves = await chain.moves(pool, afterLt);
    const [newest] = moves;
    if (newest === undefined) return;
    const ownerByWallet = new Map(
      (await ownersOf(sql, pool)).map((owner) => [chain.pingoWalletOf(owner), owner]),
    );
    await sql.transaction(async (tx) => {
      for (const move of moves.toReversed()) {
        if (move.direction === "in" || move.lt <= afterLt) continue;
        const owner = ownerByWallet.get(move.wallet?.toRawString() ?? "");
        // Of somebody these books gave nothing: the audit names it.
        if (owner === undefined) log.warn("claim_of_a_stranger", { pool, lt: move.lt.toString() });
        else await this.#book(tx, pool, owner, move);
      }
      await setClaimCursor(tx, pool, newest.lt);
    });
  }

  async #book(sql: Sql, pool: Pool, owner: string, { direction, lt, amountNano }: PingoMove): Promise<void> {
    const { chain, fog, clock, log } = this.#options;
    const outNano = direction === "out" ? amountNano : -amountNano;
    // The station's own came into the wallet that it pays from, beside its fees.
    const into: readonly (readonly [AccountId, bigint])[] =
      owner === chain.ownAddress
        ? [
            [fogPurse, -outNano],
            [fogAccount(fog), outNano],
          ]
        : [];
    const isNew = await post(sql, {
      ...{ key: claimKey(pool, direction, lt), kind: "claim", job: null, atUnixMs: clock.nowUnixMs() },
      entries: [[rewardAccount(pool, owner), -outNano], [outerPool(pool), outNano], ...into],
    });
    if (isNew) log.info("reward_claimed", { pool, owner, direction, amountNano: amountNano.toString() });
  }
}

/** The logical time of a transaction is its own alone in its wallet. */
export function claimKey(pool: Pool, direction: PingoMove["direction"], lt: bigint): string {
  return `claim${direction === "back" ? "-returned" : ""}/${pool}/${lt}`;
}
