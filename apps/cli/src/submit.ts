/** Sends a job with a bar that shows how far the upload is. */
import { formatBytes, type JobView } from "@pingo/core";
import type { FogClient, PreparedJob, PreparedRun } from "@pingo/sdk";
import type { Context } from "./context.ts";
import { progressBar } from "./view/bars.ts";
import { count, piecesText } from "./view/job-view.ts";

const BAR_COLUMNS = 28;

export async function submitJob(
  context: Context,
  client: FogClient,
  prepared: PreparedJob | PreparedRun,
): Promise<JobView> {
  const { screen, signal } = context;
  let bytesSent = 0;
  const view = await client.submit(prepared, {
    signal,
    onProgress(progress) {
      bytesSent = progress.bytesSent;
      const bar = progressBar(progress.bytesDone / progress.bytesTotal, BAR_COLUMNS);
      screen.live(`sending ${bar} ${formatBytes(progress.bytesDone)} of ${formatBytes(progress.bytesTotal)}`);
    },
  });
  screen.live("");
  screen.line(`job ${prepared.file.name} ${view.id}: ${workOf(prepared)}, ${formatBytes(bytesSent)} sent`);
  return view;
}

function workOf(prepared: PreparedJob | PreparedRun): string {
  if ("pieces" in prepared) return piecesText(prepared.pieces);
  const { train, test } = prepared;
  return `${count(train.rows)} rows to train${test ? `, ${count(test.rows)} held out` : ""}`;
}
