/** The user's word that a bill is right, which has it paid at once: said only of one that was computed again. */
import type { Escrow, EscrowView } from "@pingo/contracts";
import type { JobId } from "@pingo/core";
import type { FogClient } from "@pingo/sdk";
import type { Context } from "../context.ts";
import { assertBillFollows } from "./check-bill.ts";
import { type Errands, runErrand } from "./errand.ts";

export interface BillToAccept {
  readonly client: FogClient;
  readonly job: JobId;
  readonly escrow: Escrow;
  /** As it stands on chain. */
  readonly bill: EscrowView;
}

/** @returns the escrow, closed. @throws {CliError} BILL_REFUSED, BILL_UNCHECKED, REFUSED_ON_CHAIN; {ToncenterError} */
export async function acceptBill(
  context: Context,
  errands: Errands,
  { client, job, escrow, bill }: BillToAccept,
): Promise<EscrowView> {
  const { ESCROW_ASK_NANOGRAM, encodeFinish } = await import("@pingo/contracts");
  await assertBillFollows(context, client, job, bill);
  const opened = errands.chain.open(escrow);
  // Many receipts take a while, and when the bill's hour is over anyone may have it paid.
  const now = await opened.getView();
  if (now.phase === "closed") return now;
  return runErrand(context, errands, {
    what: "the acceptance of the bill",
    messages: [{ to: escrow.address, valueNanogram: ESCROW_ASK_NANOGRAM, body: encodeFinish() }],
    async look() {
      const after = await opened.getView();
      return after.phase === "closed" ? after : undefined;
    },
  });
}
