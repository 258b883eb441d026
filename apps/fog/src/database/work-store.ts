/** Units, leases and results, as rows. */
import {
  type Cid,
  decodeCanonical,
  encodeCanonical,
  type LeaseId,
  type NodeId,
  parseShape,
  type WorkUnit,
  zWorkUnit,
} from "@pingo/core";
import { and, asc, eq, getTableColumns, sql as raw } from "drizzle-orm";
import { isUnrefuted } from "./refutation-store.ts";
import {
  type LeaseRow,
  leases,
  type ResultRow,
  refutations,
  results,
  type Sql,
  statements,
  units,
} from "./schema.ts";

export async function insertUnits(sql: Sql, planned: readonly WorkUnit[]): Promise<void> {
  await sql.insert(units).values(
    planned.map((unit) => ({
      job: unit.job,
      round: unit.round,
      index: unit.index,
      unit: encodeCanonical(unit),
    })),
  );
}

/** By index; empty when the round was never planned. */
export async function listUnits(sql: Sql, job: Cid, round: number): Promise<WorkUnit[]> {
  return (await listUnitBlocks(sql, job, round)).map(unitIn);
}

/** The same as dag-cbor blocks, whose CIDs receipts name. */
export async function listUnitBlocks(sql: Sql, job: Cid, round: number): Promise<Uint8Array[]> {
  const rows = await sql
    .select()
    .from(units)
    .where(and(eq(units.job, job), eq(units.round, round)))
    .orderBy(asc(units.index));
  return rows.map(({ unit }) => unit);
}

function unitIn(bytes: Uint8Array): WorkUnit {
  return parseShape(zWorkUnit, decodeCanonical(bytes), "a stored unit");
}

export async function insertLease(sql: Sql, lease: LeaseRow): Promise<void> {
  await sql.insert(leases).values(lease);
}

export async function setLeaseState(sql: Sql, id: LeaseId, state: LeaseRow["state"]): Promise<void> {
  await sql.update(leases).set({ state }).where(eq(leases.id, id));
}

/** What a lease was granted for, and what came of it. */
export interface GrantedLease {
  readonly lease: LeaseRow;
  /** Decoded when it is asked for: a result that came before needs none. */
  readonly unit: () => WorkUnit;
  readonly result: ResultRow | null;
  /** How many units its round has. */
  readonly unitsOfRound: number;
}

export async function findGranted(sql: Sql, id: LeaseId): Promise<GrantedLease | undefined> {
  const isItsUnit = and(
    eq(units.job, leases.job),
    eq(units.round, leases.round),
    eq(units.index, leases.index),
  );
  const unitsOfRound = sql.$count(units, and(eq(units.job, leases.job), eq(units.round, leases.round)));
  const [row] = await sql
    .select({ lease: leases, unit: units.unit, result: results, unitsOfRound })
    .from(leases)
    .innerJoin(units, isItsUnit)
    .leftJoin(results, eq(results.lease, leases.id))
    .where(eq(leases.id, id));
  return (
    row && {
      lease: row.lease,
      unit: () => unitIn(row.unit),
      result: row.result,
      unitsOfRound: row.unitsOfRound,
    }
  );
}

/** The leases of a unit in the order they were granted, whatever the clock did meanwhile. */
export async function listLeases(sql: Sql, job: Cid, round: number): Promise<LeaseRow[]> {
  return sql
    .select()
    .from(leases)
    .where(and(eq(leases.job, job), eq(leases.round, round)))
    .orderBy(asc(leases.attempt), asc(leases.issuedUnixMs), asc(leases.index));
}

export async function insertResult(sql: Sql, result: ResultRow): Promise<void> {
  await sql.insert(results).values(result);
}

export async function findResult(sql: Sql, lease: LeaseId): Promise<ResultRow | undefined> {
  const [row] = await sql.select().from(results).where(eq(results.lease, lease));
  return row;
}

export async function listCounted(sql: Sql, job: Cid, round: number): Promise<ResultRow[]> {
  return sql
    .select()
    .from(results)
    .where(and(eq(results.job, job), eq(results.round, round), results.counted))
    .orderBy(asc(results.index));
}

export async function listProvidersOf(sql: Sql, job: Cid): Promise<NodeId[]> {
  const rows = await sql
    .selectDistinct({ provider: results.provider })
    .from(results)
    .where(and(eq(results.job, job), results.counted, isUnrefuted()))
    .orderBy(asc(results.provider));
  return rows.map((row) => row.provider);
}

/** How many units each round of a job has, to be joined. */
export function unitsOfRounds(sql: Sql, job: Cid) {
  return sql
    .select({ round: units.round, count: raw<number>`count(*)`.mapWith(Number).as("count") })
    .from(units)
    .where(eq(units.job, job))
    .groupBy(units.round)
    .as("of_round");
}

/** A receipt that counts, with what its price is computed from. */
export interface CountedWork {
  /** dag-cbor blocks, as the next but one. */
  readonly receipt: Uint8Array;
  readonly receiptCid: Cid;
  readonly unit: Uint8Array;
  /** Of its round. */
  readonly units: number;
  readonly provider: NodeId;
  /** dag-cbor block of what was found against it since; null: nothing was. */
  readonly verdict: Uint8Array | null;
}

/** A unit may name thousands of shards: no more of them are in memory at once. */
const RECEIPTS_PAGE = 64;

/** By round and place. */
export async function* countedReceipts(sql: Sql, job: Cid): AsyncGenerator<CountedWork, void, undefined> {
  const isItsUnit = and(
    eq(units.job, results.job),
    eq(units.round, results.round),
    eq(units.index, results.index),
  );
  const ofRound = unitsOfRounds(sql, job);
  for (let after = { round: -1, index: -1 }; ; ) {
    const isAfter = raw`(${results.round}, ${results.index}) > (${after.round}, ${after.index})`;
    const page = await sql
      .select({
        receipt: results.receipt,
        receiptCid: results.receiptCid,
        provider: results.provider,
        round: results.round,
        index: results.index,
        unit: units.unit,
        units: ofRound.count,
        verdict: refutations.verdict,
      })
      .from(results)
      .innerJoin(units, isItsUnit)
      .innerJoin(ofRound, eq(ofRound.round, results.round))
      .leftJoin(refutations, eq(refutations.lease, results.lease))
      .where(and(eq(results.job, job), results.counted, isAfter))
      .orderBy(asc(results.round), asc(results.index))
      .limit(RECEIPTS_PAGE);
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < RECEIPTS_PAGE) return;
    after = last;
  }
}

/** A result that counts, with what a stranger needs to check it. */
export interface CountedResult extends ResultRow {
  readonly attempt: number;
  /** dag-cbor block of the statement that came with it; null: its lease asked for none. */
  readonly statement: Uint8Array | null;
  /** dag-cbor block of what was found against it since; null: nothing was. */
  readonly verdict: Uint8Array | null;
}

/** By round and unit: who did what. */
export async function listCountedOfJob(sql: Sql, job: Cid): Promise<readonly CountedResult[]> {
  const isItsStatement = and(
    eq(statements.lease, results.lease),
    eq(statements.receiptCid, results.receiptCid),
  );
  return sql
    .select({
      ...getTableColumns(results),
      attempt: leases.attempt,
      statement: statements.statement,
      verdict: refutations.verdict,
    })
    .from(results)
    .innerJoin(leases, eq(leases.id, results.lease))
    .leftJoin(statements, isItsStatement)
    .leftJoin(refutations, eq(refutations.lease, results.lease))
    .where(and(eq(results.job, job), results.counted))
    .orderBy(asc(results.round), asc(results.index));
}
