/** Results that did not come out again when this station did the work, as rows. */
import {
  type Cid,
  cidOfBytes,
  decodeCanonical,
  type LeaseId,
  type NodeId,
  parseShape,
  type VerdictBlock,
  zVerdictBlock,
} from "@pingo/core";
import { and, asc, desc, eq, isNotNull, isNull, sql as raw, type SQL } from "drizzle-orm";
import { type RefutationRow, refutations, results, type Sql } from "./schema.ts";

/** Of one answer. */
const LISTED_MAX = 256;

/** @returns whether it is the first verdict on its lease */
export async function saveRefutation(
  sql: Sql,
  row: RefutationRow & { readonly verdict: Uint8Array },
): Promise<boolean> {
  const { lease: _, ...set } = row;
  const saved = await sql
    .insert(refutations)
    .values(row)
    // What was found before verdicts were kept has one now; another verdict changes nothing.
    .onConflictDoUpdate({ target: refutations.lease, set, setWhere: isNull(refutations.verdict) })
    .returning({ lease: refutations.lease });
  return saved.length === 1;
}

/** Of a query of results: those that nobody found against. */
export function isUnrefuted(): SQL {
  return raw`not exists (select 1 from ${refutations} where ${refutations.lease} = ${results.lease} and ${refutations.verdict} is not null)`;
}

export interface RefutedResult {
  readonly result: typeof results.$inferSelect;
  readonly verdict: Uint8Array;
  readonly atUnixMs: number;
}

/** By round and unit. */
export async function refutedOfJob(sql: Sql, job: Cid): Promise<readonly RefutedResult[]> {
  return refutedWhere(sql, eq(results.job, job), [asc(results.round), asc(results.index)]);
}

/** Newest first. */
export async function refutedOfProvider(sql: Sql, provider: NodeId): Promise<readonly RefutedResult[]> {
  return refutedWhere(sql, eq(results.provider, provider), [desc(refutations.atUnixMs)]);
}

async function refutedWhere(sql: Sql, picked: SQL, order: readonly SQL[]): Promise<readonly RefutedResult[]> {
  const rows = await sql
    .select({ result: results, verdict: refutations.verdict, atUnixMs: refutations.atUnixMs })
    .from(refutations)
    .innerJoin(results, eq(results.lease, refutations.lease))
    .where(and(picked, results.counted, isNotNull(refutations.verdict)))
    .orderBy(...order)
    .limit(LISTED_MAX);
  return rows.flatMap(({ verdict, ...row }) => (verdict === null ? [] : [{ ...row, verdict }]));
}

/** What each verdict on work of a job that counted says, by lease. */
export async function verdictsOfJob(sql: Sql, job: Cid): Promise<ReadonlyMap<LeaseId, Uint8Array>> {
  const rows = await sql
    .select({ lease: refutations.lease, verdict: refutations.verdict })
    .from(refutations)
    .innerJoin(results, eq(results.lease, refutations.lease))
    .where(and(eq(results.job, job), results.counted, isNotNull(refutations.verdict)));
  return new Map(rows.flatMap(({ lease, verdict }) => (verdict === null ? [] : [[lease, verdict] as const])));
}

/** @throws {CodecError}; {ShapeError} */
export function verdictIn(bytes: Uint8Array): VerdictBlock {
  return parseShape(zVerdictBlock, decodeCanonical(bytes), "a stored verdict");
}

export function cidOfVerdict(bytes: Uint8Array): Cid {
  return cidOfBytes(bytes, "dagCbor");
}
