/**
 * A result from a provider: everything in it is checked before it may count, and the answer is the station's
 * signature over a receipt that is durable by then.
 */
import {
  type AcknowledgedReceipt,
  assertStatementOf,
  type Cid,
  type Clock,
  cidOfBytes,
  cidOfValue,
  encodeCanonical,
  type FinishedResult,
  isFault,
  isRunUnit,
  type KeyPair,
  type Log,
  type NodeId,
  openSigned,
  RECEIPT_ACK_DOMAIN,
  RECEIPT_DOMAIN,
  type Receipt,
  type Signed,
  type SignedStatement,
  signValue,
  type WorkUnit,
} from "@pingo/core";
import { type Pay, payOf } from "@pingo/scheduler";
import { StorageError } from "@pingo/storage";
import { drawOf } from "../audits/draw.ts";
import type { JobRow, Sql } from "../database/schema.ts";
import { keepStatement } from "../database/statement-store.ts";
import { findGranted, type GrantedLease } from "../database/work-store.ts";
import { FogError } from "../fault.ts";
import type { JobRun } from "../jobs/job-run.ts";
import type { Mailbox } from "../jobs/mailbox.ts";
import { type ReceivedResult, recordLateResult } from "../jobs/round-ledger.ts";

export interface ReceiveOptions {
  readonly sql: Sql;
  readonly clock: Clock;
  readonly log: Log;
  readonly key: KeyPair;
  readonly run: (job: Cid) => JobRun | undefined;
  /** Updates are read one at a time: each may be as large as the largest model. */
  readonly checks: Mailbox;
}

/** No loss of a finite float32 model comes near; sums of what is below stay finite. */
const LOSS_MAX = 1e30;

/** Steps of a receipt's rows and losses are claims; only what no honest provider can claim is refused here. */
export async function receiveResult(
  peer: NodeId,
  { receipt: signed, statement }: FinishedResult,
  options: ReceiveOptions,
): Promise<Signed<AcknowledgedReceipt>> {
  const { sql, run: runOf } = options;
  const receipt = openSigned(RECEIPT_DOMAIN, signed);
  if (signed.signer !== peer || receipt.provider !== peer) {
    throw new FogError({ code: "STRANGER", what: `${peer} sent a receipt of ${signed.signer}` });
  }
  const bytes = encodeCanonical(signed);
  const cid = cidOfBytes(bytes, "dagCbor");
  const granted = await findGranted(sql, receipt.lease);
  if (granted?.lease.provider !== peer) {
    throw new FogError({ code: "STRANGER", what: `lease ${receipt.lease} was not granted to ${peer}` });
  }
  const { lease, result: before } = granted;
  // Sent again, for the answer was lost.
  if (before?.receiptCid === cid) return acknowledge(cid, before.counted, options.key);
  const unit = granted.unit();
  checkClaims(receipt, unit, lease.issuedUnixMs);
  const run = runOf(lease.job);
  await checkStatement(statement, signed, { lease, run, options });
  if (before !== null) return acknowledge(before.receiptCid, before.counted, options.key);
  const pay = payFor(run?.row, granted.unitsOfRound, unit.steps, receipt.steps);
  const draw = drawOf(options.key, cid);
  const result: ReceivedResult = { receipt, bytes, cid, unit: lease.index, round: lease.round, pay, draw };
  if (!run) {
    const { counted } = await recordLateResult(sql, lease.job, result, options.clock.nowUnixMs());
    return acknowledge(cid, counted, options.key);
  }
  if (run.row.round < lease.round) {
    await options.checks.run(() => checkUpdateOf(receipt, run));
  }
  return acknowledge(cid, await run.deliver(result), options.key);
}

/** Nothing where the job is over, or from before there were books. */
function payFor(row: JobRow | undefined, units: number, stepsPlanned: number, stepsDone: number): Pay {
  return payOf({
    budgetNano: row?.budgetNano ?? 0n,
    rounds: row?.rounds ?? 1,
    units,
    stepsPlanned,
    stepsDone,
  });
}

interface Asked {
  readonly lease: GrantedLease["lease"];
  readonly run: JobRun | undefined;
  readonly options: ReceiveOptions;
}

/**
 * Kept before the result may count, whatever becomes of the result: what a key signed is signed.
 *
 * @throws {FogError} STATEMENT_MISSING; EQUIVOCATION, which costs the lease; {StatementError}; {SignatureError}
 */
async function checkStatement(
  statement: SignedStatement | null,
  receipt: Signed<Receipt>,
  { lease: { id: lease, registry }, run, options }: Asked,
): Promise<void> {
  if (statement === null) {
    if (registry === null) return;
    throw new FogError({ code: "STATEMENT_MISSING", lease, registry: registry.address });
  }
  assertStatementOf(statement, receipt, registry);
  const { sql, clock, log } = options;
  if (!(await keepStatement(sql, lease, statement, clock.nowUnixMs()))) return;
  log.error("equivocation", { lease, provider: statement.signer });
  run?.lose(lease, "fault", "its provider signed two results for it");
  throw new FogError({ code: "EQUIVOCATION", lease });
}

function checkClaims(receipt: Receipt, unit: WorkUnit, issuedUnixMs: number): void {
  const isPlausible =
    receipt.issuedAtUnixMs === issuedUnixMs &&
    receipt.steps <= unit.steps &&
    receipt.rows <= receipt.steps * (isRunUnit(unit) ? 1 : unit.batchSize) &&
    Math.abs(receipt.lossMean) <= LOSS_MAX;
  if (receipt.unit !== cidOfValue(unit) || !isPlausible) {
    throw new FogError({ code: "UNIT_MISMATCH", lease: receipt.lease });
  }
}

/** @throws {FogError} BLOCK_MISSING while it is not all uploaded; UPDATE_INVALID, which costs the lease */
async function checkUpdateOf({ update: cid, lease }: Receipt, run: JobRun): Promise<void> {
  try {
    await run.check(cid);
  } catch (cause) {
    if (!isFault(cause)) throw cause;
    if (cause instanceof StorageError && cause.fault.code === "BLOCK_NOT_FOUND") {
      throw new FogError({ code: "BLOCK_MISSING", what: "the update", cid: cause.fault.cid }, { cause });
    }
    run.lose(lease, "fault", `its update was refused: ${cause.message}`);
    throw new FogError({ code: "UPDATE_INVALID", cid, why: cause.message }, { cause });
  }
}

function acknowledge(receipt: Cid, counted: boolean, key: KeyPair): Signed<AcknowledgedReceipt> {
  return signValue(RECEIPT_ACK_DOMAIN, { receipt, counted }, key);
}
