/** Every failure as toncenter words it: a sentence with its code, an HTTP status, never a stack. */
import { type FaultReport, isFault, type Log, reportOf } from "@pingo/core";

/** What is not here and is a fault is the asker's: 422. */
const STATUS_BY_CODE: Readonly<Record<string, number>> = {
  BODY_MALFORMED: 400,
  ROUTE_UNKNOWN: 404,
  ACCOUNT_UNKNOWN: 404,
  METHOD_UNKNOWN: 422,
  NOT_A_TOKEN: 409,
  SNAPSHOT_EXISTS: 409,
  BODY_TOO_LARGE: 413,
  RATE_LIMITED: 429,
  FAUCET_BUSY: 429,
  // What a lite server refuses, toncenter tells as its own failure.
  MESSAGE_REFUSED: 500,
  NOT_EXTERNAL: 500,
  BLOCK_UNKNOWN: 500,
  TRANSACTION_UNKNOWN: 500,
  BOC_MALFORMED: 500,
  BOC_TOO_LARGE: 500,
  BOC_TOO_DEEP: 500,
  BOC_TOO_MANY_CELLS: 500,
  BOC_ROOTS: 500,
  QUEUE_FULL: 503,
  STOPPING: 503,
  DISK_FULL: 507,
};
const STATUS_OF_FAULT = 422;
const STATUS_OF_BUG = 500;

export interface Failure {
  readonly status: number;
  /** The sentence, with its code in brackets. */
  readonly error: string;
}

export function failureOf(error: unknown, log: Log): Failure {
  const report: FaultReport = reportOf(error);
  const status = isFault(error) ? (STATUS_BY_CODE[report.code] ?? STATUS_OF_FAULT) : STATUS_OF_BUG;
  if (!isFault(error))
    log.error("request_failed", { why: String(error instanceof Error ? error.stack : error) });
  return { status, error: `${report.message} (${report.code})` };
}
