/** An error as a log line and a job's reason say it: a fault by its sentence, a query by the database's words, a bug by its stack. */
import { type FaultReport, isFault, reportOf } from "@pingo/core";
import { DrizzleQueryError } from "drizzle-orm/errors";

export function whyOf(error: unknown): string {
  if (isFault(error)) return error.message;
  if (error instanceof DrizzleQueryError) return refusalOf(error);
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

export function reasonOf(error: unknown): FaultReport {
  if (error instanceof DrizzleQueryError) return { code: "DATABASE_FAILED", message: refusalOf(error) };
  return reportOf(error);
}

/** Without the query: its parameters are what users sent. */
function refusalOf({ cause }: DrizzleQueryError): string {
  return `the database did not take a change (${cause?.message ?? "it does not say why"}); see that it has room and runs`;
}
