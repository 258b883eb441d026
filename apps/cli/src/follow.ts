/** Watches a job until it ends. */
import type { JobId, JobView } from "@pingo/core";
import type { FogClient } from "@pingo/sdk";
import { CliError } from "./cli-error.ts";
import type { Context } from "./context.ts";
import { createJobScreen } from "./view/job-view.ts";

/** @throws {CliError} JOB_NOT_SUCCEEDED */
export async function followJob(context: Context, client: FogClient, job: JobId): Promise<JobView> {
  const { screen, signal } = context;
  const shown = createJobScreen(screen);
  const onReconnect = (): void => screen.live("the connection to the fog node broke; trying again …");
  try {
    for await (const event of client.events(job, { signal, onReconnect })) shown.show(event);
  } finally {
    shown.end();
  }
  const view = await client.show(job, { signal });
  if (view.state === "succeeded") return view;
  throw new CliError({ code: "JOB_NOT_SUCCEEDED", job, state: view.state, reason: view.reason });
}
