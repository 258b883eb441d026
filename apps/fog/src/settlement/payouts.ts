/**
 * What providers earned, and what users get back for refuted work, on its way to their wallets: planned, sent, seen to have gone out, and then there or back.
 *
 * A payout is written in the books before it is sent, under its row's number, which is its query id on chain. One that a wallet could not take is written
 * back, and is to be paid anew; that wallet is left alone for a while first, or each try would cost the station GRAM.
 */
import type { PingoMove } from "@pingo/contracts";
import { type Clock, isFault, type Log, type NodeId, shortId } from "@pingo/core";
import { type AccountId, fogPurse, ownerAccount, providerAccount } from "../books/accounts.ts";
import { balanceNano } from "../books/ledger.ts";
import { holdAccounts, post } from "../books/post.ts";
import { setOff } from "../books/set-off.ts";
import { isChainDown } from "../chain/chain-down.ts";
import type { PayoutRow, Sql } from "../database/schema.ts";
import type { SettlementChain } from "./settlement-chain.ts";
import {
  type Earned,
  earnedByWallets,
  endPayout,
  insertPayout,
  lastSeenLt,
  missingNano,
  payoutsNotEnded,
  payoutsOnTheirWay,
  refundsDue,
  returnsOf,
  setPayoutSeen,
  setPayoutsSent,
  sumDueNano,
} from "./settlement-store.ts";

export interface PayoutsOptions {
  readonly chain: SettlementChain;
  readonly fog: NodeId;
  readonly sql: Sql;
  readonly clock: Clock;
  readonly log: Log;
}

/** Less costs more to send than it is worth. */
const PAYOUT_NANO_MIN = 1_000_000n;
/** A wallet's order is void after a minute; twice that, for clocks. */
const ORDER_VALID_S = 120;
/** Until a wallet that sent PINGO back is paid again: an hour, then two, then four, and once a day at last. */
const REST_S = 3_600;
const REST_S_MAX = 86_400;

export class Payouts {
  readonly #options: PayoutsOptions;

  constructor(options: PayoutsOptions) {
    this.#options = options;
  }

  async advance(): Promise<void> {
    await this.#follow();
    await this.#planRefunds();
    await this.#plan();
    await this.#send();
  }

  /**
   * Users whose escrows paid for refuted work, the oldest first. Pay that had left the station waits until it is recovered or fees bear it: whoever is user
   * and provider at once would else be paid twice, and the second time out of what others earned.
   */
  async #planRefunds(): Promise<void> {
    const { sql, fog } = this.#options;
    const due = await refundsDue(sql);
    if (due.length === 0) return;
    const coveredNano = sumDueNano(due) - (await missingNano(sql, fog));
    const purseNano = -(await balanceNano(sql, fogPurse));
    let thereNano = coveredNano < purseNano ? coveredNano : purseNano;
    for (const { job, node, address, dueNano } of due)
      thereNano -= await this.#planOne({ job, node, address, dueNano, thereNano });
  }

  /**
   * Of what escrows paid, less what is the station's and users', and the smallest first: earnings that nobody paid in, lost in a dispute, stay in the
   * books of whoever has the most.
   */
  async #plan(): Promise<void> {
    const { sql } = this.#options;
    const earners = [...(await earnedByWallets(sql, PAYOUT_NANO_MIN))];
    if (earners.length === 0) return;
    let thereNano = await this.#forProvidersNano();
    for (const { node, address, earnedNano } of earners.sort(byEarnings))
      thereNano -= await this.#planOne({ job: null, node, address, dueNano: earnedNano, thereNano });
  }

  /** Nothing of it is kept for a refund that waits. */
  async #forProvidersNano(): Promise<bigint> {
    const { sql, fog } = this.#options;
    const ownNano = sumDueNano(await refundsDue(sql)) - (await missingNano(sql, fog));
    return -(await balanceNano(sql, fogPurse)) - (ownNano > 0n ? ownNano : 0n);
  }

  /** @returns what is on its way now */
  async #planOne({ job, node, address, dueNano, thereNano }: Planned): Promise<bigint> {
    const { sql, clock, log } = this.#options;
    const amountNano = dueNano < thereNano ? dueNano : thereNano;
    if (amountNano < PAYOUT_NANO_MIN || (await this.#isResting(address))) return 0n;
    await sql.transaction(async (tx) => {
      const id = await insertPayout(tx, { node, address, amountNano, job });
      await post(tx, {
        ...{ key: `payout/${id}`, kind: "payout", job, atUnixMs: clock.nowUnixMs() },
        entries: [
          [accountOf({ node, job }), -amountNano],
          [fogPurse, amountNano],
        ],
      });
    });
    log.info("payout_planned", { node: shortId(node), job, amountNano: amountNano.toString() });
    return amountNano;
  }

  async #isResting(address: string): Promise<boolean> {
    const { chain, sql } = this.#options;
    const { times, lastUnixS } = await returnsOf(sql, address);
    if (times === 0) return false;
    return (await chain.nowUnixS()) < lastUnixS + Math.min(REST_S * 2 ** (times - 1), REST_S_MAX);
  }

  /** Sent again only when no order that carries it can be executed any more. */
  async #send(): Promise<void> {
    const { chain, sql } = this.#options;
    const due = async (): Promise<readonly PayoutRow[]> => {
      const waiting = await this.#notSeen();
      const nowUnixS = await chain.nowUnixS();
      const ready = waiting.filter(({ sentUntilUnixS }) => (sentUntilUnixS ?? 0) < nowUnixS);
      if (ready.length === 0) return [];
      const ids = ready.map(({ id }) => id);
      await setPayoutsSent(sql, ids, nowUnixS + ORDER_VALID_S);
      return ready;
    };
    if ((await payoutsOnTheirWay(sql)).length > 0) await chain.pay(due);
  }

  async #notSeen(): Promise<readonly PayoutRow[]> {
    const { chain, sql, log } = this.#options;
    const waiting = await payoutsOnTheirWay(sql);
    if (waiting.every(({ sentUntilUnixS }) => sentUntilUnixS === null)) return waiting;
    const moves = await chain.moves(await lastSeenLt(sql));
    const missing: PayoutRow[] = [];
    for (const payout of waiting) {
      const move = moves.find(
        ({ direction, queryId }) => direction === "out" && queryId === BigInt(payout.id),
      );
      if (move === undefined) missing.push(payout);
      else {
        await setPayoutSeen(sql, payout.id, move.lt);
        const { node, amountNano } = payout;
        log.info("paid_out", { node, amountNano: amountNano.toString(), payout: payout.id });
      }
    }
    return missing;
  }

  /** Gone out is not there: the receiver's wallet shows it, or the station's that it came back. */
  async #follow(): Promise<void> {
    const { chain, sql } = this.#options;
    const open = await payoutsNotEnded(sql);
    const [first] = open;
    if (first === undefined) return;
    const firstLt = open.reduce((least, { seenLt }) => (seenLt < least ? seenLt : least), first.seenLt);
    const own = await chain.moves(firstLt);
    for (const payout of open) {
      const queryId = BigInt(payout.id);
      const back = own.find((move) => move.direction === "back" && move.queryId === queryId);
      if (back !== undefined) {
        await this.#takeBack(payout, back.lt);
        continue;
      }
      const there = await this.#arrivalOf(payout);
      if (there !== undefined) await endPayout(sql, payout.id, { endLt: there.lt, returnedUnixS: null });
    }
  }

  /** A receiver's wallet that cannot be read keeps the others waiting for nothing. */
  async #arrivalOf({
    id,
    address,
    seenLt,
  }: PayoutRow & { readonly seenLt: bigint }): Promise<PingoMove | undefined> {
    const { chain, log } = this.#options;
    try {
      const moves = await chain.moves(seenLt, address);
      return moves.find(
        ({ direction, queryId, wallet }) =>
          direction === "in" && queryId === BigInt(id) && wallet?.equals(chain.purse) === true,
      );
    } catch (error) {
      if (!isFault(error) || isChainDown(error)) throw error;
      log.warn("payout_not_followed", { payout: id, address, why: error.message });
      return undefined;
    }
  }

  async #takeBack({ id, node, address, amountNano, job }: PayoutRow, endLt: bigint): Promise<void> {
    const { chain, sql, clock, log } = this.#options;
    const returnedUnixS = await chain.nowUnixS();
    const cause = `payout-returned/${id}`;
    await sql.transaction(async (tx) => {
      const atUnixMs = clock.nowUnixMs();
      if (job === null) await holdAccounts(tx, [providerAccount(node), fogPurse]);
      await endPayout(tx, id, { endLt, returnedUnixS });
      await post(tx, {
        ...{ key: cause, kind: "payout", job, atUnixMs },
        entries: [
          [fogPurse, -amountNano],
          [accountOf({ node, job }), amountNano],
        ],
      });
      if (job === null) await setOff(tx, { cause, provider: node, atUnixMs });
    });
    log.warn("payout_returned", {
      node: shortId(node),
      address,
      amountNano: amountNano.toString(),
      payout: id,
    });
  }
}

interface Planned extends Pick<PayoutRow, "job" | "node" | "address"> {
  readonly dueNano: bigint;
  /** What there is for it. */
  readonly thereNano: bigint;
}

/** Whose money a payout is. */
function accountOf({ node, job }: Pick<PayoutRow, "node" | "job">): AccountId {
  return job === null ? providerAccount(node) : ownerAccount(node);
}

function byEarnings(a: Earned, b: Earned): number {
  return a.earnedNano < b.earnedNano ? -1 : Number(a.earnedNano > b.earnedNano);
}
