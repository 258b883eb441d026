/** Wallets, certificates and verifications, as rows. */
import type { LeaseId, NodeId } from "@pingo/core";
import { and, asc, count, eq, isNull, lt, lte, or, sql as raw } from "drizzle-orm";
import { isUnrefuted } from "../database/refutation-store.ts";
import { certificates, refutations, results, type Sql, verifications, wallets } from "../database/schema.ts";
import { JUDGED_STEPS_MAX } from "./deviation.ts";

/** false where a later statement of this node is known already. */
export async function saveWallet(
  sql: Sql,
  row: {
    readonly node: NodeId;
    readonly address: string;
    readonly link: Uint8Array;
    readonly statedUnixMs: number;
  },
): Promise<boolean> {
  const { address, link, statedUnixMs } = row;
  const saved = await sql
    .insert(wallets)
    .values(row)
    .onConflictDoUpdate({
      target: wallets.node,
      set: { address, link, statedUnixMs },
      setWhere: raw`${wallets.statedUnixMs} <= ${statedUnixMs}`,
    })
    .returning({ node: wallets.node });
  return saved.length === 1;
}

export async function addressOfNode(sql: Sql, node: NodeId): Promise<string | null> {
  const [row] = await sql.select({ address: wallets.address }).from(wallets).where(eq(wallets.node, node));
  return row?.address ?? null;
}

export type CertificateRow = typeof certificates.$inferSelect;

export async function findCertificate(sql: Sql, address: string): Promise<CertificateRow | undefined> {
  const [row] = await sql.select().from(certificates).where(eq(certificates.address, address));
  return row;
}

export async function saveCertificate(
  sql: Sql,
  row: Omit<CertificateRow, "issuedUnixMs"> & { readonly issuedUnixMs?: number },
): Promise<void> {
  const { address: _, ...set } = row;
  await sql.insert(certificates).values(row).onConflictDoUpdate({ target: certificates.address, set });
}

export interface Candidate {
  readonly lease: LeaseId;
  readonly node: NodeId;
  /** Of the wallet that it works for now: what comes of this work is that wallet's, whatever the node is linked to later. */
  readonly address: string;
  readonly result: typeof results.$inferSelect;
}

/** Rows that a unit went through: more would keep whoever comes next waiting. */
export const REDONE_ROWS_MAX = 2 ** 20;

/**
 * Counted work, not done again yet and small enough to be judged, of a wallet that has nothing to show: no certificate, or one that ends before
 * `renewUnixS`. Of the node whose work was done again least often, the oldest: nobody's many units hold up a newcomer's first.
 */
export async function nextCandidate(sql: Sql, renewUnixS: number): Promise<Candidate | undefined> {
  const [row] = await sql
    .select({ result: results, address: wallets.address })
    .from(results)
    .innerJoin(wallets, eq(wallets.node, results.provider))
    .leftJoin(verifications, eq(verifications.lease, results.lease))
    .leftJoin(certificates, eq(certificates.address, wallets.address))
    .where(
      and(
        results.counted,
        isUnrefuted(),
        lte(results.steps, JUDGED_STEPS_MAX),
        lte(results.rows, REDONE_ROWS_MAX),
        isNull(verifications.lease),
        or(isNull(certificates.address), lt(certificates.validUntilUnixS, renewUnixS)),
        raw`coalesce(${certificates.issuedUnixMs}, 0) < ${results.receivedUnixMs}`,
      ),
    )
    .orderBy(
      raw`(select count(*) from ${verifications} tried where tried.node = ${results.provider})`,
      asc(results.receivedUnixMs),
    )
    .limit(1);
  if (row === undefined) return undefined;
  return { lease: row.result.lease, node: row.result.provider, address: row.address, result: row.result };
}

export async function saveVerification(sql: Sql, row: typeof verifications.$inferInsert): Promise<void> {
  await sql.insert(verifications).values(row).onConflictDoNothing();
}

/** A wallet whose work was found the same and that was not issued a certificate since. */
export async function nextToIssue(
  sql: Sql,
): Promise<{ readonly address: string; readonly node: NodeId } | undefined> {
  const [row] = await sql
    .select({ address: verifications.address, node: verifications.node })
    .from(verifications)
    .leftJoin(certificates, eq(certificates.address, verifications.address))
    .leftJoin(refutations, eq(refutations.lease, verifications.lease))
    .where(
      and(
        eq(verifications.verdict, "same"),
        isNull(refutations.lease),
        raw`coalesce(${certificates.issuedUnixMs}, 0) < ${verifications.atUnixMs}`,
      ),
    )
    .orderBy(asc(verifications.atUnixMs))
    .limit(1);
  return row;
}

export async function countVerified(sql: Sql, address: string): Promise<number> {
  const [row] = await sql
    .select({ verified: count() })
    .from(verifications)
    .leftJoin(refutations, eq(refutations.lease, verifications.lease))
    .where(
      and(eq(verifications.address, address), eq(verifications.verdict, "same"), isNull(refutations.lease)),
    );
  return row?.verified ?? 0;
}
