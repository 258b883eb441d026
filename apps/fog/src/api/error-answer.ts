/** Every failure of the API as one JSON shape: a code, a sentence, never a stack. */
import { type FaultReport, isFault, type Log, reportOf } from "@pingo/core";
import { FogError } from "../fault.ts";
import { PROOF_BYTES_MAX } from "../membership/proof-limit.ts";
import { reasonOf, whyOf } from "../why-of.ts";

export interface ErrorAnswer {
  readonly status: number;
  readonly body: { readonly error: FaultReport };
}

/** What is not here and is a fault is the asker's: 422. */
const STATUS_BY_CODE: Readonly<Record<string, number>> = {
  VALUE_MALFORMED: 400,
  VALUE_TOO_LARGE: 413,
  VALUE_TOO_DEEP: 400,
  VALUE_TOO_MANY_ITEMS: 400,
  SHAPE_INVALID: 400,
  CID_INVALID: 400,
  NONCE_REFUSED: 400,
  NODE_ID_INVALID: 400,
  REQUEST_MALFORMED: 400,
  UPLOAD_CUT: 400,
  SIGNATURE_INVALID: 401,
  FUNDS_MISSING: 402,
  KEY_WEAK: 401,
  PASS_NEEDED: 401,
  TICKET_NEEDED: 401,
  TICKET_REFUSED: 401,
  PASS_EXPIRED: 401,
  NOT_OWNER: 403,
  NOT_MEMBER: 403,
  WALLET_NOT_LINKED: 403,
  JOB_UNKNOWN: 404,
  ROUTE_UNKNOWN: 404,
  NO_EMISSION: 404,
  UPLOAD_TOO_SLOW: 408,
  UPLOAD_SILENT: 408,
  BLOCK_MISSING: 409,
  STATEMENT_OLD: 409,
  BODY_TOO_LARGE: 413,
  UPLOAD_TOO_LARGE: 413,
  MEDIA_TYPE_REFUSED: 415,
  JOBS_TOO_MANY: 429,
  UNFUNDED_JOBS_TOO_MANY: 429,
  AUDIT_RUNS: 429,
  FOLLOWERS_TOO_MANY: 503,
  UPLOADS_TOO_MANY: 503,
  CHAIN_UNREACHABLE: 503,
  CHAIN_ANSWER_INVALID: 503,
  CHAIN_ANSWER_TOO_LARGE: 503,
  CHAIN_KEY_REFUSED: 503,
  NO_CHAIN: 503,
  STARTING: 503,
  STOPPING: 503,
  DISK_FULL: 507,
  QUOTA_EXCEEDED: 507,
};
const STATUS_OF_FAULT = 422;

export function errorAnswer(error: unknown, log: Log): ErrorAnswer {
  const known = isFault(error) ? error : ofFastify(error);
  if (!known) {
    log.error("request_failed", { why: whyOf(error) });
    return { status: 500, body: { error: reasonOf(error) } };
  }
  return { status: STATUS_BY_CODE[known.code] ?? STATUS_OF_FAULT, body: { error: reportOf(known) } };
}

/** Fastify's own refusals, in our words. */
function ofFastify(error: unknown): FogError | undefined {
  if (!(error instanceof Error && "code" in error && "statusCode" in error)) return undefined;
  const { code, statusCode } = error;
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE") {
    // Bodies of other types are received by ourselves, under a limit of their own.
    return new FogError({ code: "BODY_TOO_LARGE", bytesMax: PROOF_BYTES_MAX }, { cause: error });
  }
  if (typeof statusCode !== "number" || statusCode < 400 || statusCode > 499) return undefined;
  if (code === "FST_ERR_CTP_INVALID_MEDIA_TYPE") {
    return new FogError({ code: "MEDIA_TYPE_REFUSED" }, { cause: error });
  }
  return new FogError({ code: "REQUEST_MALFORMED", why: error.message }, { cause: error });
}
