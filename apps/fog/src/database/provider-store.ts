/** Providers, as rows: who has ever offered, and how much of their work counted. */
import type { NodeId, Offer } from "@pingo/core";
import { desc, eq, sql as raw } from "drizzle-orm";
import { type ProviderRow, providers, type Sql } from "./schema.ts";

/** Most recent first; what one answer of GET /v1/providers may carry. */
export const PROVIDERS_LISTED_MAX = 1_000;

export async function saveProvider(sql: Sql, offer: Offer, lastSeenUnixMs: number): Promise<void> {
  await sql
    .insert(providers)
    .values({ id: offer.provider, offer, lastSeenUnixMs })
    .onConflictDoUpdate({ target: providers.id, set: { offer, lastSeenUnixMs } });
}

export async function addCountedUnit(sql: Sql, id: NodeId): Promise<void> {
  await sql
    .update(providers)
    .set({ unitsCounted: raw`${providers.unitsCounted} + 1` })
    .where(eq(providers.id, id));
}

/** It counted, and counts no more. */
export async function takeCountedUnit(sql: Sql, id: NodeId): Promise<void> {
  await sql
    .update(providers)
    .set({ unitsCounted: raw`greatest(${providers.unitsCounted} - 1, 0)` })
    .where(eq(providers.id, id));
}

export async function listProviders(sql: Sql): Promise<ProviderRow[]> {
  return sql.select().from(providers).orderBy(desc(providers.lastSeenUnixMs)).limit(PROVIDERS_LISTED_MAX);
}
