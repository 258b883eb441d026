/** Writes down what a step of a round did, in one transaction, before anyone is told. */
import type { Cid, JobEvent, JobId, Lease, LeaseId, NodeId, NumberedEvent, Receipt } from "@pingo/core";
import type { Pay } from "@pingo/scheduler";
import type { LossCause, RoundAction } from "@pingo/training";
import { postPay } from "../books/journal.ts";
import { appendEvent } from "../database/event-store.ts";
import { updateJob } from "../database/job-store.ts";
import { addCountedUnit } from "../database/provider-store.ts";
import type { LeaseRow, Sql } from "../database/schema.ts";
import { findResult, insertLease, insertResult, setLeaseState } from "../database/work-store.ts";

/** A result as it came, verified. */
export interface ReceivedResult {
  readonly receipt: Receipt;
  /** dag-cbor block of the signed receipt, and its CID. */
  readonly bytes: Uint8Array;
  readonly cid: Cid;
  readonly unit: number;
  readonly round: number;
  /** What it is paid if it counts. */
  readonly pay: Pay;
  /** By which it is drawn to be done again. */
  readonly draw: number;
}

/** What is remembered of how a lease was lost: who failed is not asked again, and whose owner came back did not fail. */
const KEPT_BY_CAUSE = {
  fault: "faulted",
  released: "released",
  expired: "lost",
  disconnected: "lost",
} as const satisfies Readonly<Record<LossCause, LeaseRow["state"]>>;
/** What the wire carries of a reason. */
const REASON_CHARS_MAX = 256;

export interface StepToRecord {
  readonly job: JobId;
  readonly round: number;
  readonly atUnixMs: number;
  readonly actions: readonly RoundAction[];
  /** What the step answers, when it answers a result. */
  readonly result: ReceivedResult | null;
  /** This station: it has a fee. */
  readonly fog: NodeId;
}

export async function recordGrant(sql: Sql, lease: Lease, isFirstOfJob: boolean): Promise<NumberedEvent> {
  const { id, attempt, provider, registry, issuedAtUnixMs: issuedUnixMs } = lease;
  const { job, round, index } = lease.unit;
  return sql.transaction(async (tx) => {
    const row = { id, job, round, index, attempt, provider, issuedUnixMs, registry, state: "live" } as const;
    await insertLease(tx, row);
    if (isFirstOfJob) await updateJob(tx, job, { trainingBeganUnixMs: issuedUnixMs });
    return appendEvent(tx, job, issuedUnixMs, { type: "leased", round, unit: index, attempt, provider });
  });
}

export async function recordStep(sql: Sql, step: StepToRecord): Promise<readonly NumberedEvent[]> {
  const { job, round, atUnixMs, fog } = step;
  const written: NumberedEvent[] = [];
  const isWorthWriting = step.actions.some(({ type }) => type === "lost" || type === "acknowledge");
  if (!isWorthWriting) return written;
  await sql.transaction(async (tx) => {
    for (const action of step.actions) {
      if (action.type === "lost") {
        const { lease, unit, provider, reason } = action;
        await setLeaseState(tx, lease, KEPT_BY_CAUSE[action.cause]);
        const event: JobEvent = { type: "lost", round, unit, provider, reason };
        written.push(await appendEvent(tx, job, atUnixMs, event));
      } else if (action.type === "acknowledge" && action.isNew && step.result) {
        written.push(await recordResult(tx, job, step.result, action.counted, atUnixMs));
        const { lease, provider } = step.result.receipt;
        if (action.counted) await postPay(tx, { job, lease, provider, fog, pay: step.result.pay, atUnixMs });
      }
    }
  });
  return written;
}

/** The acknowledgement that is sent after this commits can be relied on. */
async function recordResult(
  sql: Sql,
  job: JobId,
  result: ReceivedResult,
  counted: boolean,
  atUnixMs: number,
): Promise<NumberedEvent> {
  const { provider, steps, rows, lossMean: loss, lease, update, peakBytes } = result.receipt;
  const { round, unit, draw } = result;
  await insertResult(sql, {
    lease,
    job,
    round,
    index: unit,
    provider,
    receipt: result.bytes,
    receiptCid: result.cid,
    update,
    counted,
    steps,
    rows,
    loss,
    receivedUnixMs: atUnixMs,
    draw,
  });
  await setLeaseState(sql, lease, "delivered");
  if (counted) await addCountedUnit(sql, provider);
  return appendEvent(sql, job, atUnixMs, {
    type: "delivered",
    round,
    unit,
    provider,
    steps,
    rows,
    loss,
    counted,
    ...(peakBytes !== undefined && { peakBytes }),
  });
}

/** Work that came when its round, or its whole job, was over; what was written down before stays as it is. */
export async function recordLateResult(
  sql: Sql,
  job: JobId,
  result: ReceivedResult,
  atUnixMs: number,
): Promise<{ readonly written: NumberedEvent | null; readonly counted: boolean }> {
  return sql.transaction(async (tx) => {
    const before = await findResult(tx, result.receipt.lease);
    if (before) return { written: null, counted: before.counted };
    return { written: await recordResult(tx, job, result, false, atUnixMs), counted: false };
  });
}

/** Leases that these actions end while their providers may still work on them: who lost one by silence is slow, not gone. */
export function toRevoke(
  actions: readonly RoundAction[],
): readonly { readonly lease: LeaseId; readonly provider: NodeId; readonly reason: string }[] {
  return actions.flatMap((action) => {
    const isOut = action.type === "lost" && (action.cause === "expired" || action.cause === "fault");
    if (!isOut && action.type !== "revoke") return [];
    const { lease, provider, reason } = action;
    return [{ lease, provider, reason: reason.slice(0, REASON_CHARS_MAX) }];
  });
}

export function acknowledgementOf(actions: readonly RoundAction[], lease: LeaseId): boolean | undefined {
  for (const action of actions)
    if (action.type === "acknowledge" && action.lease === lease) return action.counted;
  return undefined;
}
