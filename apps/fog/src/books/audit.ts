/**
 * Computes the books again from what was signed, and tells every difference.
 *
 * A job's budget comes from its owner's signature and a pay from its provider's, so the station's own sums prove nothing here.
 */
import {
  type BooksFinding,
  type BooksReport,
  type ChainReport,
  type Cid,
  decodeCanonical,
  type EmissionReport,
  isFault,
  JOB_DOMAIN,
  type LeaseId,
  type NodeId,
  openSigned,
  parseShape,
  RECEIPT_DOMAIN,
  type SignedJob,
  type WorkUnit,
  zSignedJob,
  zSignedReceipt,
} from "@pingo/core";
import { payOf } from "@pingo/scheduler";
import { and, asc, eq, gt, inArray, isNotNull, sql as raw } from "drizzle-orm";
import { verdictsOfJob } from "../database/refutation-store.ts";
import {
  accounts,
  entries,
  type JobRow,
  jobs,
  type ResultRow,
  results,
  type Sql,
  transfers,
} from "../database/schema.ts";
import { listUnits } from "../database/work-store.ts";
import type { Emission } from "../emission/emission.ts";
import type { Find } from "../settlement/reconcile.ts";
import type { Settlement } from "../settlement/settlement.ts";
import { escrowAccount, fogAccount, ownerAccount, providerAccount } from "./accounts.ts";
import { checkSetOffs, checkTakeBackStrays, checkVerdict, mergeOwed } from "./audit-verdicts.ts";
import { takeBackKey } from "./take-back.ts";

export interface AuditOptions {
  /** undefined: jobs are paid by the books alone, and there is no chain to compare them with. */
  readonly settlement: Pick<Settlement, "reconcile"> | undefined;
  /** undefined: it gives no rewards. */
  readonly emission: Pick<Emission, "audit"> | undefined;
  readonly sql: Sql;
  readonly fog: NodeId;
  readonly signal: AbortSignal;
}

const JOBS_PAGE = 64;
const RESULTS_PAGE = 256;
/** More say nothing new; the count goes on. */
const FINDINGS_MAX = 100;

export async function auditBooks(options: AuditOptions): Promise<BooksReport> {
  const audit = new Audit(options);
  await audit.checkSums();
  for (let after = 0; ; ) {
    options.signal.throwIfAborted();
    const page = await options.sql
      .select({ id: jobs.id, ordinal: jobs.ordinal })
      .from(jobs)
      .where(and(gt(jobs.ordinal, after), isNotNull(jobs.budgetNano)))
      .orderBy(asc(jobs.ordinal))
      .limit(JOBS_PAGE);
    for (const { id } of page) await audit.checkJob(id);
    const last = page.at(-1);
    if (last === undefined) break;
    after = last.ordinal;
  }
  await audit.checkChain();
  return audit.report;
}

class Audit {
  readonly #options: AuditOptions;
  #sql: Sql;
  readonly #findings: BooksFinding[] = [];
  readonly #notes: BooksFinding[] = [];
  #count = 0;
  #jobs = 0;
  #receipts = 0;
  #transfers = 0;
  #paidNano = 0n;
  #refuted = 0;
  #takenBackNano = 0n;
  #chain: ChainReport | null = null;
  #emission: EmissionReport | null = null;

  constructor(options: AuditOptions) {
    this.#options = options;
    this.#sql = options.sql;
  }

  get report(): BooksReport {
    return {
      jobs: this.#jobs,
      receipts: this.#receipts,
      transfers: this.#transfers,
      paidNano: this.#paidNano.toString(),
      refuted: this.#refuted,
      takenBackNano: this.#takenBackNano.toString(),
      differences: this.#count,
      findings: this.#findings,
      notes: this.#notes,
      chain: this.#chain,
      emission: this.#emission,
    };
  }

  async checkChain(): Promise<void> {
    const { settlement, emission } = this.#options;
    const find: Find = (code, where, what) => this.#find(code, where, what);
    const note: Find = (code, where, what) => {
      if (this.#notes.length < FINDINGS_MAX) this.#notes.push({ code, where, what });
    };
    if (settlement !== undefined) this.#chain = await settlement.reconcile(find, note);
    if (emission !== undefined) this.#emission = await emission.audit(find);
  }

  /** What the database enforces, seen once more from outside. */
  async checkSums(): Promise<void> {
    const sql = this.#sql;
    const [counted] = await sql.select({ count: raw<number>`count(*)`.mapWith(Number) }).from(transfers);
    this.#transfers = counted?.count ?? 0;
    const unbalanced = await sql
      .select({ key: transfers.key })
      .from(transfers)
      .leftJoin(entries, eq(entries.transfer, transfers.id))
      .groupBy(transfers.id, transfers.key)
      .having(raw`coalesce(sum(${entries.amountNano}), 0) <> 0 or count(${entries.account}) < 2`)
      .limit(FINDINGS_MAX);
    for (const { key } of unbalanced)
      this.#find("TRANSFER_UNBALANCED", key, "its entries do not sum to zero");
    const drifted = await sql
      .select({
        id: accounts.id,
        balanceNano: accounts.balanceNano,
        sum: raw<string>`coalesce(sum(${entries.amountNano}), 0)::text`,
      })
      .from(accounts)
      .leftJoin(entries, eq(entries.account, accounts.id))
      .groupBy(accounts.id, accounts.balanceNano)
      .having(raw`coalesce(sum(${entries.amountNano}), 0) <> ${accounts.balanceNano}`)
      .limit(FINDINGS_MAX);
    for (const { id, balanceNano, sum } of drifted)
      this.#find("BALANCE_DRIFTED", id, `it says ${balanceNano} nano-PINGO and its entries sum to ${sum}`);
    await checkSetOffs(sql, (code, where, what) => this.#find(code, where, what));
  }

  /** Seen as of one moment: a job that ends meanwhile has either all of its end in the books, or nothing of it. */
  async checkJob(id: Cid): Promise<void> {
    const { sql } = this.#options;
    const moment = { isolationLevel: "repeatable read", accessMode: "read only" } as const;
    await sql.transaction(async (tx) => {
      this.#sql = tx;
      const [row] = await tx.select().from(jobs).where(eq(jobs.id, id));
      if (row) await this.#checkRow(row);
    }, moment);
    this.#sql = sql;
  }

  async #checkRow(row: JobRow): Promise<void> {
    this.#jobs += 1;
    const budgetNano = this.#budgetOf(row);
    if (budgetNano === undefined) return;
    const escrow = escrowAccount(row.id);
    const put = { [ownerAccount(row.owner)]: -budgetNano, [escrow]: budgetNano };
    await this.#compare("ESCROW_WRONG", `escrow/${row.id}`, budgetNano === 0n ? {} : put);
    const verdicts = await verdictsOfJob(this.#sql, row.id);
    const paidNano = await this.#checkReceipts(row, budgetNano, verdicts);
    this.#paidNano += paidNano;
    const leftNano = row.finishedUnixMs === null ? 0n : budgetNano - paidNano;
    const back = { [escrow]: -leftNano, [ownerAccount(row.owner)]: leftNano };
    await this.#compare("REFUND_WRONG", `refund/${row.id}`, leftNano === 0n ? {} : back);
    await this.#checkStrays(row.id);
    await checkTakeBackStrays(this.#sql, row.id, verdicts, (...found) => this.#find(...found));
  }

  #budgetOf(row: JobRow): bigint | undefined {
    try {
      const signed: SignedJob = parseShape(zSignedJob, decodeCanonical(row.envelope), "a stored job");
      const { job } = openSigned(JOB_DOMAIN, signed);
      const budgetNano = BigInt(job.budgetNano);
      if (signed.signer === row.owner && budgetNano === row.budgetNano) return budgetNano;
      this.#find("JOB_ALTERED", row.id, "its row says another owner or budget than its owner signed");
    } catch (error) {
      if (!isFault(error)) throw error;
      this.#find("JOB_ALTERED", row.id, error.message);
    }
    return undefined;
  }

  /** @returns what the receipts of this job come to */
  async #checkReceipts(
    row: JobRow,
    budgetNano: bigint,
    verdicts: ReadonlyMap<LeaseId, Uint8Array>,
  ): Promise<bigint> {
    const { fog, signal } = this.#options;
    const sql = this.#sql;
    let paidNano = 0n;
    let round: { readonly number: number; readonly units: readonly WorkUnit[] } | undefined;
    for (let after = { round: -1, index: -1 }; ; ) {
      signal.throwIfAborted();
      const page = await sql
        .select()
        .from(results)
        .where(
          and(
            eq(results.job, row.id),
            results.counted,
            raw`(${results.round}, ${results.index}) > (${after.round}, ${after.index})`,
          ),
        )
        .orderBy(asc(results.round), asc(results.index))
        .limit(RESULTS_PAGE);
      const last = page.at(-1);
      if (last === undefined) return paidNano;
      const written = await this.#entriesOf(
        page.flatMap(({ lease }) => [`pay/${lease}`, ...(verdicts.has(lease) ? [takeBackKey(lease)] : [])]),
      );
      for (const result of page) {
        if (round?.number !== result.round)
          round = { number: result.round, units: await listUnits(sql, row.id, result.round) };
        const stepsDone = this.#stepsOf(result);
        const unit = round.units[result.index];
        if (stepsDone === undefined || unit === undefined || stepsDone > unit.steps) continue;
        const units = round.units.length;
        const pay = payOf({ budgetNano, rounds: row.rounds, units, stepsPlanned: unit.steps, stepsDone });
        paidNano += pay.totalNano;
        this.#receipts += 1;
        const key = `pay/${result.lease}`;
        const due = {
          [escrowAccount(row.id)]: -pay.totalNano,
          [providerAccount(result.provider)]: pay.providerNano,
          [fogAccount(fog)]: pay.feeNano,
        };
        this.#compareWith("PAY_WRONG", key, written.get(key) ?? new Map(), due);
        const verdict = verdicts.get(result.lease);
        if (verdict === undefined) continue;
        checkVerdict(result, unit, verdict, (...found) => this.#find(...found));
        const backKey = takeBackKey(result.lease);
        this.#compareWith(
          "TAKEN_BACK_WRONG",
          backKey,
          mergeOwed(written.get(backKey) ?? new Map(), result.provider),
          {
            [ownerAccount(row.owner)]: pay.totalNano,
            [providerAccount(result.provider)]: -pay.providerNano,
            [fogAccount(fog)]: -pay.feeNano,
          },
        );
        this.#refuted += 1;
        this.#takenBackNano += pay.totalNano;
      }
      after = last;
    }
  }

  #stepsOf(result: ResultRow): number | undefined {
    try {
      const signed = parseShape(zSignedReceipt, decodeCanonical(result.receipt), "a stored receipt");
      const receipt = openSigned(RECEIPT_DOMAIN, signed);
      if (
        receipt.lease === result.lease &&
        receipt.provider === result.provider &&
        signed.signer === result.provider
      )
        return receipt.steps;
      this.#find("RECEIPT_ALTERED", result.lease, "its row says another provider or lease than was signed");
    } catch (error) {
      if (!isFault(error)) throw error;
      this.#find("RECEIPT_ALTERED", result.lease, error.message);
    }
    return undefined;
  }

  /** Pay that no receipt stands behind. */
  async #checkStrays(job: Cid): Promise<void> {
    const strays = await this.#sql
      .select({ key: transfers.key })
      .from(transfers)
      .leftJoin(results, and(eq(raw`'pay/' || ${results.lease}`, transfers.key), results.counted))
      .where(and(eq(transfers.job, job), eq(transfers.kind, "pay"), raw`${results.lease} is null`))
      .limit(FINDINGS_MAX);
    for (const { key } of strays)
      this.#find("PAY_WITHOUT_RECEIPT", key, "no receipt that counts stands behind it");
  }

  async #compare(code: string, key: string, due: Readonly<Record<string, bigint>>): Promise<void> {
    const written = (await this.#entriesOf([key])).get(key) ?? new Map<string, bigint>();
    this.#compareWith(code, key, written, due);
  }

  #compareWith(
    code: string,
    key: string,
    written: ReadonlyMap<string, bigint>,
    due: Readonly<Record<string, bigint>>,
  ): void {
    const wanted = new Map(Object.entries(due).filter(([, nano]) => nano !== 0n));
    const isSame =
      wanted.size === written.size && [...wanted].every(([account, nano]) => written.get(account) === nano);
    if (!isSame) this.#find(code, key, `the books say ${textOf(written)}; it comes to ${textOf(wanted)}`);
  }

  async #entriesOf(keys: readonly string[]): Promise<ReadonlyMap<string, ReadonlyMap<string, bigint>>> {
    const rows = await this.#sql
      .select({ key: transfers.key, account: entries.account, amountNano: entries.amountNano })
      .from(transfers)
      .innerJoin(entries, eq(entries.transfer, transfers.id))
      .where(inArray(transfers.key, [...keys]));
    const byKey = new Map<string, Map<string, bigint>>();
    for (const { key, account, amountNano } of rows)
      byKey.set(key, (byKey.get(key) ?? new Map<string, bigint>()).set(account, amountNano));
    return byKey;
  }

  #find(code: string, where: string, what: string): void {
    this.#count += 1;
    if (this.#findings.length < FINDINGS_MAX) this.#findings.push({ code, where, what });
  }
}

function textOf(entriesByAccount: ReadonlyMap<string, bigint>): string {
  if (entriesByAccount.size === 0) return "nothing";
  return [...entriesByAccount].map(([account, nano]) => `${nano} to ${account}`).join(", ");
}
