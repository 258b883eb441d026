/**
 * The cases that this station can prove: leases for which a key signed two results, and results that did not come out again. They are read from what is
 * kept anyway, so none can be forgotten; what becomes of them, a person decides.
 */
import { type CaseView, cidOfBytes } from "@pingo/core";
import type { Blocks } from "@pingo/storage";
import { and, desc, eq, inArray, sql as raw } from "drizzle-orm";
import { cidOfVerdict } from "../database/refutation-store.ts";
import { leases, refutations, results, type Sql, statements, units } from "../database/schema.ts";

const CASES_MAX = 100;
/** Of one lease; a key that signs more has proven enough. */
const STATEMENTS_MAX = 8;

/** Newest first. Once it resolves, what proves each is a block of this station. */
export async function listCases(sql: Sql, blocks: Blocks): Promise<readonly CaseView[]> {
  const cases = [...(await equivocations(sql, blocks)), ...(await refuted(sql, blocks))];
  return cases.sort((one, other) => other.atUnixMs - one.atUnixMs).slice(0, CASES_MAX);
}

async function equivocations(sql: Sql, blocks: Blocks): Promise<readonly CaseView[]> {
  const twice = await sql
    .select({ lease: statements.lease })
    .from(statements)
    .groupBy(statements.lease)
    .having(raw`count(*) > 1`)
    .orderBy(desc(raw`max(${statements.receivedUnixMs})`))
    .limit(CASES_MAX);
  if (twice.length === 0) return [];
  const ofThese = inArray(
    statements.lease,
    twice.map(({ lease }) => lease),
  );
  const rows = await sql
    .select()
    .from(statements)
    .innerJoin(leases, eq(leases.id, statements.lease))
    .where(ofThese)
    .orderBy(statements.receivedUnixMs);
  const cases: CaseView[] = [];
  for (const [id, signed] of Map.groupBy(rows, (row) => row.statements.lease)) {
    const [first] = signed;
    if (first === undefined) continue;
    const { job, round, index: unit, provider } = first.leases;
    const cids = [];
    for (const { statements: one } of signed.slice(0, STATEMENTS_MAX))
      cids.push(await blocks.put(one.statement, "dagCbor"));
    const atUnixMs = Math.max(...signed.map((row) => row.statements.receivedUnixMs));
    const about = { lease: id, job, round, unit, provider, atUnixMs };
    cases.push({ kind: "equivocation", ...about, deviation: null, statements: cids, verdict: null });
  }
  return cases;
}

async function refuted(sql: Sql, blocks: Blocks): Promise<readonly CaseView[]> {
  const isItsStatement = and(
    eq(statements.lease, results.lease),
    eq(statements.receiptCid, results.receiptCid),
  );
  const isItsUnit = and(
    eq(units.job, results.job),
    eq(units.round, results.round),
    eq(units.index, results.index),
  );
  const rows = await sql
    .select({ result: results, found: refutations, statement: statements.statement, unit: units.unit })
    .from(refutations)
    .innerJoin(results, eq(results.lease, refutations.lease))
    .leftJoin(statements, isItsStatement)
    .innerJoin(units, isItsUnit)
    .orderBy(desc(refutations.atUnixMs))
    .limit(CASES_MAX);
  const cases: CaseView[] = [];
  for (const { result, found, statement, unit } of rows) {
    const { verdict } = found;
    for (const bytes of [result.receipt, statement, unit, verdict])
      if (bytes !== null) await blocks.put(bytes, "dagCbor");
    const { lease, job, round, index, provider } = result;
    const { deviation, atUnixMs } = found;
    const about = { lease, job, round, unit: index, provider, atUnixMs, deviation };
    cases.push({
      ...{ kind: "refuted", ...about },
      statements: statement === null ? [] : [cidOfBytes(statement, "dagCbor")],
      verdict: verdict && cidOfVerdict(verdict),
    });
  }
  return cases;
}
