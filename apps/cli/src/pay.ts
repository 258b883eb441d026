/** Pays for a job where the fog node is paid on chain; elsewhere there is nothing to do. */
import { formatPingo, type JobId, type JobView } from "@pingo/core";
import type { FogClient, PreparedJob, PreparedRun } from "@pingo/sdk";
import { CliError } from "./cli-error.ts";
import type { Context } from "./context.ts";
import { followJob } from "./follow.ts";
import { findLocalPayerAt } from "./local/local-payer.ts";
import { fundEscrow, type OwnEscrow } from "./local/own-escrow.ts";
import { openWallet } from "./local/own-wallet.ts";

export async function payForJob(
  context: Context,
  client: FogClient,
  job: JobId,
  { file }: Pick<PreparedJob | PreparedRun, "file">,
): Promise<OwnEscrow | undefined> {
  return fundEscrow(context, BigInt(file.budgetNano), {
    ...{ client, job },
    async openPayer(userAddress) {
      const local = await findLocalPayerAt(context, userAddress);
      if (local !== undefined) return local;
      const { file: wallet, key } = await openWallet(context);
      return { network: wallet.network, key };
    },
  });
}

export interface PaidJob<T> {
  readonly job: JobId;
  readonly escrow: OwnEscrow | undefined;
  /** Of what came out: had before it is paid. */
  readonly take: (view: JobView) => Promise<T>;
}

/**
 * Watches a job until it ends, and accepts its bill if it comes out again: not accepted, it would be paid when its window is over, and the rest come back then.
 * A job that failed or was stopped has a bill too, for what was done.
 *
 * @throws {CliError} JOB_NOT_SUCCEEDED, once the rest is back; BILL_REFUSED, BILL_UNCHECKED
 */
export async function followPaidJob<T>(
  context: Context,
  client: FogClient,
  { job, escrow, take }: PaidJob<T>,
): Promise<T> {
  let taken: T;
  try {
    taken = await take(await followJob(context, client, job));
  } catch (error) {
    if (error instanceof CliError && error.fault.code === "JOB_NOT_SUCCEEDED") await settle(context, escrow);
    throw error;
  }
  await settle(context, escrow);
  return taken;
}

async function settle({ screen }: Context, escrow: OwnEscrow | undefined): Promise<void> {
  if (escrow === undefined) return;
  const billedNano = await escrow.settle();
  screen.line(
    `${formatPingo(billedNano)} paid from escrow ${escrow.address}, the rest is back in your wallet`,
  );
}
