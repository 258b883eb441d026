/**
 * Closes an epoch: what settled jobs give to whom, as a file that anyone can compute again, and as transfers in the books.
 *
 * Blocks and file are written before the transaction, and are the same however often; the transaction is all of the rest, once.
 */
import { givenOf, openEvidence, settleEpoch } from "@pingo/contracts";
import {
  type Clock,
  type EpochDocument,
  type EpochJob,
  type EpochReceipt,
  type NodeId,
  POOLS,
} from "@pingo/core";
import type { Blocks } from "@pingo/storage";
import { outerPool, rewardAccount } from "../books/accounts.ts";
import { post } from "../books/post.ts";
import { cidOfVerdict } from "../database/refutation-store.ts";
import type { EpochRow, Sql } from "../database/schema.ts";
import { countedReceipts } from "../database/work-store.ts";
import type { Documents } from "./documents.ts";
import type { EmissionChain } from "./emission-chain.ts";
import { insertEpoch, lastEpoch, linksOf, settledJobs } from "./emission-store.ts";

export interface CloseOptions {
  readonly chain: Pick<EmissionChain, "network" | "roomNano">;
  readonly fog: NodeId;
  readonly sql: Sql;
  readonly blocks: Blocks;
  readonly documents: Documents;
  readonly clock: Clock;
}

/** undefined where no job was settled since the last one. @throws {EmissionError} EVIDENCE_WRONG where a row is not what was signed */
export async function draftEpoch(options: CloseOptions, epoch: number): Promise<EpochDocument | undefined> {
  const { chain, fog, sql, blocks, documents } = options;
  const settled = await settledJobs(sql);
  if (settled.length === 0) return undefined;
  const last = await lastEpoch(sql);
  const before = last && (await documents.read(last.document));
  const jobs: EpochJob[] = [];
  const nodes = new Set<NodeId>();
  for (const { envelope, ...job } of settled) {
    await blocks.put(envelope, "dagCbor");
    const receipts: EpochReceipt[] = [];
    for await (const work of countedReceipts(sql, job.job)) {
      const { receipt, receiptCid, unit, units, provider, verdict } = work;
      await blocks.put(receipt, "dagCbor");
      await blocks.put(unit, "dagCbor");
      if (verdict !== null) await blocks.put(verdict, "dagCbor");
      nodes.add(provider);
      const refuted = verdict && { refuted: cidOfVerdict(verdict) };
      receipts.push({ receipt: receiptCid, units, ...refuted });
    }
    jobs.push({ ...job, receipts });
  }
  const links = await Promise.all(
    (await linksOf(sql, [...nodes])).map((link) => blocks.put(link, "dagCbor")),
  );
  const evidence = { network: chain.network, fog, jobs, links };
  const rewarded = await openEvidence(evidence, (cid) => blocks.get(cid));
  const pools = settleEpoch(rewarded, await chain.roomNano(epoch), givenOf(before));
  return { kind: "pingo/epoch/v1", ...evidence, epoch, previous: last?.document ?? null, pools };
}

/** undefined where there was nothing to give for. */
export async function closeEpoch(options: CloseOptions, epoch: number): Promise<EpochRow | undefined> {
  const { sql, documents, clock } = options;
  const draft = await draftEpoch(options, epoch);
  if (draft === undefined) return undefined;
  const closedUnixMs = clock.nowUnixMs();
  const row = { epoch, document: await documents.write(draft), closedUnixMs };
  const roots = POOLS.flatMap((pool) => {
    const { root, rewards, totalNano } = draft.pools[pool];
    if (root === null || rewards.length === 0) return [];
    return [{ epoch, pool, root, totalNano: BigInt(totalNano), isSeen: false }];
  });
  await sql.transaction(async (tx) => {
    await insertEpoch(tx, row, { ids: draft.jobs.map(({ job }) => job), roots });
    for (const pool of POOLS) {
      for (const { owner, nano } of draft.pools[pool].rewards) {
        await post(tx, {
          ...{ key: `reward/${epoch}/${owner}/${pool}`, kind: "reward", job: null, atUnixMs: closedUnixMs },
          entries: [
            [outerPool(pool), -BigInt(nano)],
            [rewardAccount(pool, owner), BigInt(nano)],
          ],
        });
      }
    }
  });
  return row;
}
