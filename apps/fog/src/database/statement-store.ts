/** Statements about results, as rows: one for each commitment that was signed for a lease. */
import { encodeCanonical, type LeaseId, type SignedStatement } from "@pingo/core";
import { and, eq, ne } from "drizzle-orm";
import { type Sql, statements } from "./schema.ts";

/** Once it resolves the statement is kept. @returns whether another commitment was signed for the lease */
export async function keepStatement(
  sql: Sql,
  lease: LeaseId,
  statement: SignedStatement,
  receivedUnixMs: number,
): Promise<boolean> {
  const commitment = statement.commitment;
  await sql
    .insert(statements)
    .values({
      ...{ lease, commitment, receiptCid: statement.receipt, receivedUnixMs },
      statement: encodeCanonical(statement),
    })
    .onConflictDoNothing();
  // After its own is there: of two that come at once, the later one sees both.
  const isOther = and(eq(statements.lease, lease), ne(statements.commitment, commitment));
  return (await sql.$count(statements, isOther)) > 0;
}
