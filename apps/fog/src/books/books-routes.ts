/** Money on the control API: what somebody has and earned, what a job cost, and the audit. */
import {
  type BooksView,
  type JobEscrowView,
  type JobPayments,
  LIMITS,
  type OfferTotals,
  parseCid,
  parseNodeId,
} from "@pingo/core";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { findJob } from "../database/job-store.ts";
import { refutedOfJob, refutedOfProvider } from "../database/refutation-store.ts";
import { FogError } from "../fault.ts";
import type { Settlement } from "../settlement/settlement.ts";
import { refundsDue, sumDueNano } from "../settlement/settlement-store.ts";
import { type AuditOptions, auditBooks } from "./audit.ts";
import { earnedOnJob, statementOf } from "./ledger.ts";
import { listRefuted } from "./list-refuted.ts";
import { marketOf } from "./market.ts";

export interface BooksRouteOptions extends Omit<AuditOptions, "signal" | "settlement"> {
  /** undefined: jobs are paid by the books alone. */
  readonly settlement: Settlement | undefined;
  readonly offers: () => OfferTotals;
}

interface IdRoute {
  readonly Params: { readonly id: string };
  readonly Querystring: { readonly before?: string };
}

const zBefore = z.coerce
  .number()
  .int()
  .positive()
  .max(Number.MAX_SAFE_INTEGER)
  .catch(Number.MAX_SAFE_INTEGER);

export function addBooksRoutes(api: FastifyInstance, options: BooksRouteOptions): void {
  const { sql } = options;
  /** It reads every receipt there is: one at a time. */
  let isAuditing = false;
  api.get<IdRoute>("/v1/books/:id", async ({ params, query }): Promise<BooksView> => {
    const node = parseNodeId(params.id);
    const { lines, ...sums } = await statementOf(sql, node, zBefore.parse(query.before));
    const refunds = (await refundsDue(sql)).filter((due) => due.node === node);
    return {
      ownerNano: sums.ownerNano.toString(),
      providerNano: sums.providerNano.toString(),
      fogNano: sums.fogNano.toString(),
      earnedNano: sums.earnedNano.toString(),
      paidOutNano: sums.paidOutNano.toString(),
      takenBackNano: sums.takenBackNano.toString(),
      owedNano: sums.owedNano.toString(),
      refundsToComeNano: sumDueNano(refunds).toString(),
      spentNano: sums.spentNano.toString(),
      lines: lines.map(({ amountNano, ...line }) => ({ ...line, amountNano: amountNano.toString() })),
    };
  });
  api.get<IdRoute>("/v1/jobs/:id/payments", async ({ params }): Promise<JobPayments> => {
    const payments = await earnedOnJob(sql, parseCid(params.id));
    return {
      payments: payments.map(({ account, amountNano }) => ({ account, amountNano: amountNano.toString() })),
    };
  });
  api.get<IdRoute>("/v1/jobs/:id/refuted", async ({ params }) => {
    const job = parseCid(params.id);
    if ((await findJob(sql, job)) === undefined) throw new FogError({ code: "JOB_UNKNOWN", job });
    return { refuted: await listRefuted(sql, await refutedOfJob(sql, job)) };
  });
  api.get<IdRoute>("/v1/providers/:id/refuted", async ({ params }) => ({
    refuted: await listRefuted(sql, await refutedOfProvider(sql, parseNodeId(params.id))),
  }));
  api.get<IdRoute>("/v1/jobs/:id/escrow", async ({ params }): Promise<JobEscrowView> => {
    const { settlement } = options;
    const job = parseCid(params.id);
    if ((await findJob(sql, job)) === undefined) throw new FogError({ code: "JOB_UNKNOWN", job });
    if (settlement === undefined) return { payment: "books", escrow: null };
    return { payment: "chain", escrow: await settlement.infoOf(job) };
  });
  api.get("/v1/market", () => marketOf(sql, options.offers()));
  api.get("/v1/audit", async ({ raw }) => {
    if (isAuditing) throw new FogError({ code: "AUDIT_RUNS" });
    isAuditing = true;
    const left = new AbortController();
    raw.socket.once("close", () => left.abort(new FogError({ code: "STOPPING" })));
    try {
      return await auditBooks({
        ...options,
        signal: AbortSignal.any([left.signal, AbortSignal.timeout(LIMITS.requestTimeoutMs * 20)]),
      });
    } finally {
      isAuditing = false;
    }
  });
}
