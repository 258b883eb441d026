/**
 * Computes the emission's part of the books again: epochs from receipts, rewards from epochs, and both ways between the books and the chain.
 *
 * The chain is read before the books and once more after them: what moves meanwhile is in one of the two.
 */
import { givenOf, openEvidence, type PingoMove, settleEpoch } from "@pingo/contracts";
import { type EmissionReport, type EpochDocument, isFault, POOLS, type Pool } from "@pingo/core";
import type { Blocks } from "@pingo/storage";
import { and, eq, inArray, like } from "drizzle-orm";
import { fogPurse, outerPool, rewardAccount } from "../books/accounts.ts";
import { entries, epochJobs, type Sql, transfers } from "../database/schema.ts";
import type { Find } from "../settlement/reconcile.ts";
import { claimKey } from "./claims.ts";
import type { Documents } from "./documents.ts";
import type { EmissionChain } from "./emission-chain.ts";
import { listEpochs, ownersOf, rootsOfEpoch, rootsOfPool } from "./emission-store.ts";

export interface EpochAuditOptions {
  readonly sql: Sql;
  readonly chain: EmissionChain;
  readonly blocks: Blocks;
  readonly documents: Documents;
}

export async function auditEpochs(options: EpochAuditOptions, find: Find): Promise<EmissionReport> {
  const { sql } = options;
  const claimed = await Promise.all(POOLS.map((pool) => checkClaims(options, pool, find)));
  const rows = await listEpochs(sql);
  let before: EpochDocument | undefined;
  let givenNano = 0n;
  const due = new Map<string, { readonly pool: Pool; readonly owner: string; readonly nano: bigint }>();
  for (const row of rows) {
    const where = `epoch/${row.epoch}`;
    const document = await faultFound("EPOCH_WRONG", where, find, () => options.documents.read(row.document));
    if (document === undefined) continue;
    if (document.epoch !== row.epoch || document.previous !== (previousOf(rows, row.epoch) ?? null))
      find("EPOCH_WRONG", where, "its file is of another epoch, or follows another one");
    await checkJobs(options, document, find);
    await checkEpoch(options, document, before, find);
    for (const pool of POOLS) {
      for (const { owner, nano } of document.pools[pool].rewards) {
        due.set(`reward/${row.epoch}/${owner}/${pool}`, { pool, owner, nano: BigInt(nano) });
        givenNano += BigInt(nano);
      }
    }
    before = document;
  }
  await checkRewards(sql, due, rows.at(-1)?.epoch ?? 0, find);
  for (const pool of POOLS) await checkRoots(options, pool, find);
  return {
    epochs: rows.length,
    givenNano: givenNano.toString(),
    claimedNano: claimed.reduce((sum, nano) => sum + nano, 0n).toString(),
  };
}

function previousOf(rows: Awaited<ReturnType<typeof listEpochs>>, epoch: number) {
  return rows.filter((row) => row.epoch < epoch).at(-1)?.document;
}

/** The jobs that an epoch's file gives for are those that the books have in it, and the chain says what each paid. */
async function checkJobs(
  { sql, chain }: EpochAuditOptions,
  document: EpochDocument,
  find: Find,
): Promise<void> {
  const where = `epoch/${document.epoch}`;
  const rows = await sql
    .select({ job: epochJobs.job })
    .from(epochJobs)
    .where(eq(epochJobs.epoch, document.epoch));
  const inBooks = new Set(rows.map(({ job }) => job));
  for (const job of document.jobs) {
    if (!inBooks.delete(job.job)) find("EPOCH_WRONG", where, `the books do not have ${job.job} in it`);
    const paidNano = await chain.paidNano(job);
    if (paidNano?.toString() !== job.paidNano)
      find(
        "EPOCH_WRONG",
        where,
        `${job.paidNano} nano-PINGO for ${job.job}; its escrow on chain has paid ${paidNano ?? "nothing yet"}`,
      );
  }
  for (const job of inBooks) find("EPOCH_WRONG", where, `its file does not have ${job}`);
}

/** From receipts, as anyone can. */
async function checkEpoch(
  { sql, chain, blocks }: EpochAuditOptions,
  document: EpochDocument,
  before: EpochDocument | undefined,
  find: Find,
): Promise<void> {
  const where = `epoch/${document.epoch}`;
  const jobs = await faultFound("EPOCH_WRONG", where, find, () =>
    openEvidence(document, (cid) => blocks.get(cid)),
  );
  if (jobs === undefined) return;
  const pools = settleEpoch(jobs, await chain.roomNano(document.epoch), givenOf(before));
  const roots = await rootsOfEpoch(sql, document.epoch);
  for (const pool of POOLS) {
    const [said, found] = [document.pools[pool], pools[pool]];
    if (JSON.stringify(said) !== JSON.stringify(found))
      find("EPOCH_WRONG", where, `its file says other rewards of ${pool} than its receipts come to`);
    const row = roots.find((root) => root.pool === pool);
    const isGiven = found.rewards.length > 0;
    if (isGiven !== (row !== undefined) || (row && row.root !== found.root))
      find(
        "ROOT_WRONG",
        `${where}/${pool}`,
        `the books say ${row?.root ?? "no root"}; it comes to ${found.root}`,
      );
  }
}

async function checkRewards(
  sql: Sql,
  due: ReadonlyMap<string, { readonly pool: Pool; readonly owner: string; readonly nano: bigint }>,
  newest: number,
  find: Find,
): Promise<void> {
  const written = await entriesLike(sql, "reward/%");
  for (const [key, { pool, owner, nano }] of due) {
    const found = written.get(key);
    const isSame =
      found?.size === 2 &&
      found.get(outerPool(pool)) === -nano &&
      found.get(rewardAccount(pool, owner)) === nano;
    if (!isSame) find("REWARD_WRONG", key, `it comes to ${nano} nano-PINGO; the books say ${wordsOf(found)}`);
  }
  // An epoch that closes while this reads is for the next audit.
  for (const key of written.keys())
    if (!due.has(key) && epochOf(key) <= newest)
      find("REWARD_WITHOUT_RECEIPT", key, "no receipt of a closed epoch stands behind it");
}

/** 0 where a key names none: nobody's audit passes it over. */
function epochOf(key: string): number {
  const epoch = Number(key.split("/")[1]);
  return Number.isSafeInteger(epoch) ? epoch : 0;
}

/** What the chain shows of roots is of these books, and what these books say was shown was. */
async function checkRoots({ sql, chain }: EpochAuditOptions, pool: Pool, find: Find): Promise<void> {
  const shown = (await rootsOfPool(sql, pool)).filter(({ isSeen }) => isSeen);
  const { active, pending } = await chain.view(pool);
  const rows = await rootsOfPool(sql, pool);
  for (const seen of [active, pending]) {
    if (seen === null || seen.epoch === 0) continue;
    const row = rows.find(({ epoch }) => epoch === seen.epoch);
    const root = seen.root.toString(16).padStart(64, "0");
    const where = `epoch/${seen.epoch}/${pool}`;
    if (row === undefined) find("ROOT_NOT_IN_BOOKS", where, `the chain shows the root ${root}`);
    else if (row.root !== root || row.totalNano !== seen.totalNano)
      find(
        "ROOT_DIFFERS",
        where,
        `the chain shows ${root}, ${seen.totalNano} nano-PINGO; the books say ${row.root}, ${row.totalNano}`,
      );
  }
  // Epochs below the one in force were in force before it, or left out: their sums are in it.
  const newest = Math.max(active.epoch, pending?.epoch ?? 0);
  for (const { epoch } of shown)
    if (epoch > newest)
      find(
        "ROOT_NOT_ON_CHAIN",
        `epoch/${epoch}/${pool}`,
        "it was posted, and neither waits nor is in force: it fell",
      );
}

/** @returns what was claimed and did not come back */
async function checkClaims(options: EpochAuditOptions, pool: Pool, find: Find): Promise<bigint> {
  const { sql, chain } = options;
  const out = (moves: readonly PingoMove[]) => moves.filter(({ direction }) => direction !== "in");
  const before = out(await chain.moves(pool, 0n));
  const written = await entriesLike(sql, `claim%/${pool}/%`);
  const ownerByWallet = new Map(
    (await ownersOf(sql, pool)).map((owner) => [chain.pingoWalletOf(owner), owner]),
  );
  const after = out(await chain.moves(pool, 0n));
  const cursorLt = newestIn(written.keys());
  for (const { direction, lt, amountNano, wallet } of before) {
    const key = claimKey(pool, direction, lt);
    const owner = ownerByWallet.get(wallet?.toRawString() ?? "");
    const found = written.get(key);
    if (found === undefined) {
      // The newest may be a moment ahead of the books; one that others came after is not.
      if (owner === undefined || lt < cursorLt)
        find(
          "CLAIM_NOT_IN_BOOKS",
          key,
          `the chain shows ${amountNano} nano-PINGO, ${direction}, of ${owner ?? wallet}`,
        );
      continue;
    }
    const nano = direction === "out" ? amountNano : -amountNano;
    const isOwn = owner === chain.ownAddress;
    const isSame =
      owner !== undefined &&
      found.get(rewardAccount(pool, owner)) === -nano &&
      found.get(outerPool(pool)) === nano &&
      found.get(fogPurse) === (isOwn ? -nano : undefined);
    if (!isSame)
      find(
        "CLAIM_DIFFERS",
        key,
        `the chain shows ${nano} nano-PINGO to ${owner ?? wallet}; the books say ${wordsOf(found)}`,
      );
  }
  const onChain = new Set(after.map(({ direction, lt }) => claimKey(pool, direction, lt)));
  for (const [key, found] of written)
    if (!onChain.has(key)) find("CLAIM_NOT_ON_CHAIN", key, `the books say ${wordsOf(found)}`);
  return after.reduce(
    (sum, { direction, amountNano }) => sum + (direction === "out" ? amountNano : -amountNano),
    0n,
  );
}

function newestIn(keys: Iterable<string>): bigint {
  let newest = 0n;
  for (const key of keys) {
    const lt = BigInt(key.split("/").at(-1) ?? "0");
    if (lt > newest) newest = lt;
  }
  return newest;
}

type EntriesByKey = ReadonlyMap<string, ReadonlyMap<string, bigint>>;

async function entriesLike(sql: Sql, pattern: string): Promise<EntriesByKey> {
  const rows = await sql
    .select({ key: transfers.key, account: entries.account, amountNano: entries.amountNano })
    .from(transfers)
    .innerJoin(entries, eq(entries.transfer, transfers.id))
    .where(and(like(transfers.key, pattern), inArray(transfers.kind, ["reward", "claim"])));
  const byKey = new Map<string, Map<string, bigint>>();
  for (const { key, account, amountNano } of rows)
    byKey.set(key, (byKey.get(key) ?? new Map<string, bigint>()).set(account, amountNano));
  return byKey;
}

/** A fault of what was stored is a finding; the rest of the audit goes on. */
async function faultFound<T>(
  code: string,
  where: string,
  find: Find,
  look: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    if (!isFault(error)) throw error;
    find(code, where, error.message);
    return undefined;
  }
}

function wordsOf(found: ReadonlyMap<string, bigint> | undefined): string {
  if (found === undefined) return "nothing";
  return [...found].map(([account, nano]) => `${nano} to ${account}`).join(", ");
}
