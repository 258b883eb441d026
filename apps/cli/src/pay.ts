/** Pays for a job where the fog node is paid on chain; elsewhere there is nothing to do. */
import { formatPingo, type JobId } from "@pingo/core";
import type { FogClient, PreparedJob, PreparedRun } from "@pingo/sdk";
import type { Context } from "./context.ts";
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
    async openPayer() {
      const { file: wallet, key } = await openWallet(context);
      return { network: wallet.network, key };
    },
  });
}

/** Not waited for, the bill would be paid when its window is over. */
export async function settleJob(context: Context, escrow: OwnEscrow | undefined): Promise<void> {
  if (escrow === undefined) return;
  const billedNano = await escrow.settle();
  context.screen.line(
    `${formatPingo(billedNano)} paid from escrow ${escrow.address}, the rest is back in your wallet`,
  );
}
