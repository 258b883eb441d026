/**
 * Money between the chain and the books.
 *
 * A job with a budget waits until its user has put that budget into an escrow of its own; when it has ended the station bills what receipts came to, and
 * the escrow pays the bill and gives the rest back. What providers earned goes to their wallets. Each step is found out from the chain and written once
 * under a key of its own, so that it may be cut off anywhere and taken up again.
 */
import {
  type ChainReport,
  type Cid,
  type Clock,
  type EscrowInfo,
  isFault,
  type Log,
  type NodeId,
} from "@pingo/core";
import type { Blocks } from "@pingo/storage";
import { isChainDown } from "../chain/chain-down.ts";
import type { EscrowRow, Sql } from "../database/schema.ts";
import { FogError } from "../fault.ts";
import { addressOfNode } from "../membership/member-store.ts";
import { whyOf } from "../why-of.ts";
import { recordClose, recordDeposit } from "./escrow-ledger.ts";
import { Payouts } from "./payouts.ts";
import { type Find, reconcile } from "./reconcile.ts";
import { sendBill } from "./send-bill.ts";
import type { SettlementChain } from "./settlement-chain.ts";
import {
  findEscrow,
  type JobToSettle,
  jobsWithoutEscrow,
  liveEscrows,
  saveEscrow,
  setEscrowState,
} from "./settlement-store.ts";

export interface SettlementOptions {
  readonly chain: SettlementChain;
  readonly fog: NodeId;
  readonly sql: Sql;
  /** What a bill stands for, for whoever is to pay it. */
  readonly blocks: Blocks;
  readonly clock: Clock;
  readonly log: Log;
  /** A job's budget is there: it may start. */
  readonly onFunded: (job: Cid) => void;
  /** A job's budget did not come in time. */
  readonly stop: (job: Cid, reason: string) => Promise<void>;
  /** Aborted when this is disposed of. */
  readonly ending: AbortController;
}

const DAY_S = 86_400;
/** Of a job's time, left for its bill: who has none on chain by the deadline gets nothing for the work. */
export const BILL_BEFORE_S = DAY_S;
const DEADLINES_LOOK_MS = 10_000;
/** From the moment a job is admitted: for its training, its bill, and a station that was down. */
const DEADLINE_S = 14 * DAY_S;
const FUNDING_MS_MAX = 15 * 60_000;
/** A job that ended unfunded: its user's order may still be on its way. */
const ABANDON_MS = 3_600_000;
const LOOK_MS = 1_000;
const RETRY_MS = 5_000;

export class Settlement implements AsyncDisposable {
  readonly #options: SettlementOptions;
  readonly #fundedJobs = new Set<Cid>();
  /** Of jobs whose work nothing pays any more. */
  readonly #endedJobs = new Set<Cid>();
  #deadlinesLookedMs = Number.NEGATIVE_INFINITY;
  #looksAtDeadlines = false;
  readonly #payouts: Payouts;
  readonly #done: Promise<void>;
  #rouse: () => void = () => undefined;

  constructor(options: SettlementOptions) {
    this.#options = options;
    this.#payouts = new Payouts(options);
    this.#done = this.#watch();
  }

  /** Whether work on it may begin. */
  isFunded(job: Cid, budgetNano: bigint | null): boolean {
    return budgetNano === null || budgetNano === 0n || this.#fundedJobs.has(job);
  }

  /** Whether work on one that runs may go on: not when its escrow is closed, or about to be the user's again. */
  isCovered(job: Cid): boolean {
    return !this.#endedJobs.has(job);
  }

  /** A job was taken in, or work was paid: looked at soon. */
  wake(): void {
    this.#rouse();
  }

  /** What is refunded and paid goes to wallets. @throws {FogError} WALLET_NOT_LINKED */
  async admit(owner: NodeId): Promise<void> {
    if ((await addressOfNode(this.#options.sql, owner)) === null)
      throw new FogError({ code: "WALLET_NOT_LINKED", node: owner });
  }

  /** null while none is named for this job. */
  async infoOf(job: Cid): Promise<EscrowInfo | null> {
    const row = await findEscrow(this.#options.sql, job);
    if (row === undefined) return null;
    const { address, userAddress, deadlineUnixS, state, bill } = row;
    return { address, userAddress, deadlineUnixS, state, bill };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#options.ending.abort(new FogError({ code: "STOPPING" }));
    this.#rouse();
    await this.#done;
  }

  async #watch(): Promise<void> {
    const { clock, log, ending } = this.#options;
    const { signal } = ending;
    while (!signal.aborted) {
      const roused = new AbortController();
      this.#rouse = () => roused.abort();
      try {
        await this.#nameEscrows();
        await this.#advanceAll();
        await this.#payouts.advance();
        await clock.sleep(LOOK_MS, { signal: roused.signal }).catch(() => undefined); // roused: there is something new
      } catch (error) {
        if (signal.aborted) return;
        log.error("settlement_stalled", { why: isFault(error) ? error.message : whyOf(error) });
        await clock.sleep(RETRY_MS, { signal }).catch(() => undefined); // ending
      }
    }
  }

  async #advanceAll(): Promise<void> {
    const { clock, sql } = this.#options;
    const nowMs = clock.monotonicMs();
    this.#looksAtDeadlines = nowMs - this.#deadlinesLookedMs >= DEADLINES_LOOK_MS;
    if (this.#looksAtDeadlines) this.#deadlinesLookedMs = nowMs;
    for (const { escrow, job } of await liveEscrows(sql))
      await this.#advance(escrow, job).catch((error: unknown) => this.#noteWaiting(job.job, error));
  }

  /** One escrow that cannot go on keeps no other waiting; a chain that does not answer, all of them. */
  #noteWaiting(job: Cid, error: unknown): void {
    if (!isFault(error) || isChainDown(error)) throw error;
    this.#options.log.warn("escrow_waits", { job, why: error.message });
  }

  async #nameEscrows(): Promise<void> {
    const { chain, sql, clock } = this.#options;
    for (const { job, userAddress } of await jobsWithoutEscrow(sql)) {
      const deadlineUnixS = (await chain.nowUnixS()) + DEADLINE_S;
      const address = chain.addressOf({ job, userAddress, deadlineUnixS });
      const createdUnixMs = clock.nowUnixMs();
      await saveEscrow(sql, { job, address, userAddress, deadlineUnixS, state: "awaited", createdUnixMs });
    }
  }

  async #advance(escrow: EscrowRow, job: JobToSettle): Promise<void> {
    if (escrow.state === "awaited") return this.#awaitFunds(escrow, job);
    this.#fundedJobs.add(job.job);
    if (job.finishedUnixMs === null) return this.#endUncovered(escrow, job.job);
    this.#endedJobs.delete(job.job);
    await this.#settle(escrow, job);
  }

  /** Stopped while there is time to bill it. */
  async #endUncovered({ deadlineUnixS }: EscrowRow, job: Cid): Promise<void> {
    const { chain, log, stop } = this.#options;
    if (!this.#endedJobs.has(job)) {
      if (!this.#looksAtDeadlines) return;
      if ((await chain.nowUnixS()) < deadlineUnixS - BILL_BEFORE_S) return;
      this.#endedJobs.add(job);
      log.warn("job_at_its_deadline", { job, deadlineUnixS });
    }
    const days = (DEADLINE_S - BILL_BEFORE_S) / DAY_S;
    await stop(
      job,
      `its escrow pays for ${days} days of work, and they are over; submit the rest as a new job`,
    );
  }

  async #awaitFunds(escrow: EscrowRow, job: JobToSettle): Promise<void> {
    const { chain, sql, clock, log, onFunded, stop } = this.#options;
    const seen = await chain.read(escrow);
    const now = clock.nowUnixMs();
    const depositedNano = seen?.phase === "open" ? seen.depositedNano : 0n;
    // A job that ended meanwhile: whatever came is written, so that all of it is given back.
    if (depositedNano > 0n && (depositedNano >= job.budgetNano || job.finishedUnixMs !== null)) {
      await recordDeposit(sql, job, depositedNano, now);
      this.#fundedJobs.add(job.job);
      log.info("escrow_funded", { job: job.job, depositedNano: depositedNano.toString() });
      onFunded(job.job);
      return;
    }
    if (job.finishedUnixMs !== null) {
      if (now - job.finishedUnixMs > ABANDON_MS) await setEscrowState(sql, job.job, "abandoned");
    } else if (now - escrow.createdUnixMs > FUNDING_MS_MAX) {
      const minutes = FUNDING_MS_MAX / 60_000;
      await stop(job.job, `its budget was not in escrow on chain within ${minutes} minutes`);
    }
  }

  /** The job has ended: bill, wait, take note. */
  async #settle(escrow: EscrowRow, job: JobToSettle): Promise<void> {
    const { chain, sql, log } = this.#options;
    const seen = await chain.read(escrow);
    if (seen === undefined) throw new FogError({ code: "ESCROW_GONE", address: escrow.address });
    if (seen.phase === "closed") return this.#close(job, seen.billedNano);
    if (seen.phase === "open") {
      if ((await chain.nowUnixS()) >= seen.untilUnixS) return chain.finish(escrow);
      return sendBill(this.#options, escrow);
    }
    // Billed, or disputed.
    if (escrow.state !== seen.phase) {
      await setEscrowState(sql, job.job, seen.phase);
      if (seen.phase === "disputed")
        log.warn("escrow_disputed", { job: job.job, untilUnixS: seen.untilUnixS });
    }
    if ((await chain.nowUnixS()) >= seen.untilUnixS) await chain.finish(escrow);
  }

  async #close({ job, owner }: JobToSettle, billedNano: bigint): Promise<void> {
    const { sql, clock, log } = this.#options;
    await recordClose(sql, { job, owner }, billedNano, clock.nowUnixMs());
    this.#fundedJobs.delete(job);
    log.info("escrow_closed", { job, billedNano: billedNano.toString() });
  }

  /** Compares the books with the chain. */
  reconcile(find: Find, note: Find): Promise<ChainReport> {
    return reconcile(this.#options, find, note);
  }
}
