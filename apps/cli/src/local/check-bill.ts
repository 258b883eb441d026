/**
 * Computes a bill again before it is accepted: from the order that was signed here, and the receipts that the fog node shows for it, each fetched by its id.
 *
 * A bill that nobody disputes is paid when its hour is over, so what does not come out is told with what to do about it.
 */
import type { EscrowView } from "@pingo/contracts";
import {
  BILL_BYTES_MAX,
  type BillDocument,
  type Cid,
  isFault,
  type JobId,
  parseShape,
  zBillDocument,
} from "@pingo/core";
import type { Objection } from "@pingo/scheduler";
import type { FogClient } from "@pingo/sdk";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";

const EVIDENCE_DIGITS = 64;

/** @throws {CliError} BILL_REFUSED; BILL_UNCHECKED where the fog node withholds what it takes */
export async function assertBillFollows(
  context: Context,
  client: FogClient,
  job: JobId,
  bill: EscrowView,
): Promise<void> {
  const { provesNothing, sentenceOfObjection } = await import("@pingo/scheduler");
  const { billedNano, untilUnixS } = bill;
  const refused = (owedNano: bigint, why: string, cause?: Error): CliError =>
    new CliError({ code: "BILL_REFUSED", job, billedNano, owedNano, untilUnixS, why }, { cause });
  let named: Cid | null | undefined;
  let objection: Objection | undefined;
  try {
    named = (await client.escrow(job, context)).escrow?.bill;
    if (named) {
      const bytes = await client.getFile(named, { sizeBytesMax: BILL_BYTES_MAX, signal: context.signal });
      const shown = parseShape(zBillDocument, jsonOrNull(bytes), `the list of its receipts, ${named},`);
      objection = await objectionOf(context, client, { job, bill, shown });
    }
  } catch (cause) {
    if (provesNothing(cause)) throw refused(0n, cause.message, cause);
    if (context.signal.aborted || !isFault(cause)) throw cause;
    throw new CliError(
      { code: "BILL_UNCHECKED", job, billedNano, untilUnixS, why: cause.message },
      { cause },
    );
  }
  if (!named) throw refused(0n, "the fog node shows no receipts for it");
  if (objection !== undefined) throw refused(objection.owedNano, sentenceOfObjection(objection));
}

interface ShownBill {
  readonly job: JobId;
  readonly bill: EscrowView;
  readonly shown: BillDocument;
}

async function objectionOf(
  { signal }: Context,
  client: FogClient,
  { job, bill: { billedNano, evidence }, shown: { receipts } }: ShownBill,
): Promise<Objection | undefined> {
  const { objectionTo, openWorks } = await import("@pingo/scheduler");
  // Receipts of another job than this prove nothing here, whatever job the list says that it is of.
  const opened = await openWorks(job, receipts, (cid) => client.getBlock(cid, { signal }));
  const digest = Buffer.from(evidence.toString(16).padStart(EVIDENCE_DIGITS, "0"), "hex");
  return objectionTo({ amountNano: billedNano, evidence: digest }, receipts, opened);
}

function jsonOrNull(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return null; // no list of receipts: refused by its shape
  }
}
