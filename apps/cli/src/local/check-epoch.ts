/**
 * Computes an epoch again from what its fog node publishes, and compares it with the chain: anyone can, and nothing that the fog node says is taken as it is
 * but what docs/adr/0020 names.
 */
import type { DistributorView } from "@pingo/contracts";
import {
  type Cid,
  type ClosedEpoch,
  digestOfCid,
  EPOCH_BYTES_MAX,
  type EpochDocument,
  type EpochPool,
  isFault,
  POOLS,
  type Pool,
  parseShape,
  publicKeyOfNodeId,
  zEpochDocument,
} from "@pingo/core";
import type { FogClient } from "@pingo/sdk";
import type { Context } from "../context.ts";
import type { OwnChain } from "./own-chain.ts";
import { RewardError } from "./reward-error.ts";

export interface CheckedEpoch {
  readonly epoch: number;
  /** null where the fog node publishes no file for a root that the chain shows. */
  readonly document: Cid | null;
  readonly pools: readonly CheckedPool[];
  /** What does not follow from receipts, escrows and the schedule: sentences. */
  readonly findings: readonly string[];
}

export interface CheckedPool {
  readonly pool: Pool;
  readonly view: DistributorView;
  /** As it comes out; null where nothing comes out, or nobody is given anything. */
  readonly computed: EpochPool | null;
  /** Of this epoch, as the chain has it; null where it has none. */
  readonly onChain: DistributorView["active"] | null;
  /** What is on chain is what comes out. */
  readonly isRight: boolean;
}

/** Of one walk back: years of hours. */
const EPOCHS_MAX = 20_000;

/** @param wanted undefined: the one that waits, else the newest that is closed. @throws {RewardError} NO_EPOCH */
export async function checkEpoch(
  context: Context,
  { client, chain }: { readonly client: FogClient; readonly chain: OwnChain },
  wanted?: number,
): Promise<CheckedEpoch> {
  const { signal } = context;
  const views = await readVaults(chain);
  const { epochs } = await client.emission({ signal });
  const waiting = POOLS.flatMap((pool) => views[pool].pending?.epoch ?? []);
  const epoch = wanted ?? (waiting.length > 0 ? Math.max(...waiting) : epochs[0]?.epoch);
  if (epoch === undefined) throw new RewardError({ code: "NO_EPOCH", epoch: null });
  const closed = epochs.find((one) => one.epoch === epoch);
  const findings: string[] = [];
  const computed = closed && (await recompute(context, { client, chain, views, findings }, closed));
  if (closed === undefined) {
    if (!POOLS.some((pool) => rootAt(views[pool], epoch) !== null))
      throw new RewardError({ code: "NO_EPOCH", epoch });
    findings.push(
      `this fog node publishes no file for epoch ${epoch}, so nobody can compute its roots again`,
    );
  }
  const pools = POOLS.map((pool): CheckedPool => {
    const onChain = rootAt(views[pool], epoch);
    const found = computed?.[pool] ?? null;
    const isRight =
      onChain === null ||
      (hexOf(onChain.root) === found?.root && onChain.totalNano === BigInt(found.totalNano));
    if (!isRight)
      findings.push(
        `the chain has the root ${hexOf(onChain.root)} of ${pool}, and the receipts come to ${found?.root ?? "none"}`,
      );
    return { pool, view: views[pool], computed: found, onChain, isRight };
  });
  return { epoch, document: closed?.document ?? null, pools, findings };
}

export async function readVaults(chain: OwnChain): Promise<Readonly<Record<Pool, DistributorView>>> {
  const { DistributorAt } = await import("@pingo/contracts");
  const { Address } = await import("@ton/core");
  const read = (pool: Pool) =>
    chain.client.open(new DistributorAt(Address.parseRaw(chain.addressOf(pool)))).getView();
  return { compute: await read("compute"), fog: await read("fog") };
}

export async function readDocument({ signal }: Context, client: FogClient, cid: Cid): Promise<EpochDocument> {
  const bytes = await client.getFile(cid, { sizeBytesMax: EPOCH_BYTES_MAX, signal });
  return parseShape(zEpochDocument, jsonOrNull(new TextDecoder().decode(bytes)), `the epoch's file ${cid}`);
}

export function hexOf(root: bigint): string {
  return root.toString(16).padStart(64, "0");
}

interface Recomputing {
  readonly client: FogClient;
  readonly chain: OwnChain;
  readonly views: Readonly<Record<Pool, DistributorView>>;
  readonly findings: string[];
}

/** undefined where it does not come out; the findings say why. */
async function recompute(
  context: Context,
  parts: Recomputing,
  closed: ClosedEpoch,
): Promise<EpochDocument["pools"] | undefined> {
  const { views, findings, client } = parts;
  const { givenOf } = await import("@pingo/contracts");
  const documents: EpochDocument[] = [];
  const seen = new Map<Cid, number>();
  for (let cid: Cid | null = closed.document; cid !== null && documents.length < EPOCHS_MAX; ) {
    const document: EpochDocument = await readDocument(context, client, cid);
    const after = documents.at(-1);
    if (after !== undefined && document.epoch >= after.epoch)
      findings.push(`epoch ${after.epoch} follows epoch ${document.epoch}, which is not before it`);
    for (const { job } of document.jobs) {
      const other = seen.get(job);
      if (other !== undefined)
        findings.push(`${job} counts in epoch ${document.epoch} and in epoch ${other}`);
      seen.set(job, document.epoch);
    }
    documents.push(document);
    cid = document.previous;
  }
  if (documents[0]?.epoch !== closed.epoch)
    findings.push(`the file of epoch ${closed.epoch} is of epoch ${documents[0]?.epoch}`);
  // What is in force was open to challenge, and pays: computed again is what came after it.
  const settled = documents.findIndex(
    (document, at) => at > 0 && POOLS.every((pool) => isInForce(document.pools[pool], views[pool])),
  );
  const due = (settled < 0 ? documents : documents.slice(0, settled)).toReversed();
  let before = givenOf(settled < 0 ? undefined : documents[settled]);
  for (const document of due) {
    const pools = await recomputeOne(context, parts, document, before);
    if (pools === undefined) return undefined;
    before = givenOf({ pools });
    if (document.epoch === closed.epoch) return pools;
  }
  return undefined;
}

async function recomputeOne(
  { signal }: Context,
  { client, chain, findings }: Recomputing,
  document: EpochDocument,
  before: Parameters<typeof import("@pingo/contracts").settleEpoch>[2],
): Promise<EpochDocument["pools"] | undefined> {
  const { DistributorAt, openEvidence, settleEpoch } = await import("@pingo/contracts");
  const { Address } = await import("@ton/core");
  const { epoch } = document;
  const roomOf = async (pool: Pool): Promise<bigint> => {
    const vault = chain.client.open(new DistributorAt(Address.parseRaw(chain.addressOf(pool))));
    return (await vault.getEmissionCapNano(epoch)) - (await vault.getEmissionCapNano(epoch - 1));
  };
  try {
    await checkEscrows(chain, document, findings);
    const jobs = await openEvidence(document, (cid) => client.getBlock(cid, { signal }));
    const room = { compute: await roomOf("compute"), fog: await roomOf("fog") };
    const pools = settleEpoch(jobs, room, before);
    for (const pool of POOLS)
      if (JSON.stringify(pools[pool]) !== JSON.stringify(document.pools[pool]))
        findings.push(`epoch ${epoch}: its file says other rewards of ${pool} than its receipts come to`);
    return pools;
  } catch (error) {
    signal.throwIfAborted();
    if (!isFault(error) || error.code.startsWith("CHAIN_")) throw error;
    findings.push(`epoch ${epoch}: ${error.message}`);
    return undefined;
  }
}

/** What was paid is what the chain says, of the escrow of these two for this job. */
async function checkEscrows(chain: OwnChain, { fog, jobs, epoch }: EpochDocument, findings: string[]) {
  const { jobEscrow } = await import("@pingo/contracts");
  const { walletContract } = await import("@pingo/ton");
  const { Address } = await import("@ton/core");
  for (const { job, user, deadlineUnixS, paidNano } of jobs) {
    const escrow = jobEscrow({
      minter: Address.parseRaw(chain.addressOf("minter")),
      quorum: Address.parseRaw(chain.addressOf("quorum")),
      user: Address.parseRaw(user),
      fog: walletContract(publicKeyOfNodeId(fog), chain.network).address,
      job: digestOfCid(job),
      deadlineUnixS,
    });
    const { isActive } = await chain.client.account(escrow.address);
    const view = isActive ? await chain.client.open(escrow).getView() : undefined;
    if (view?.phase !== "closed" || view.billedNano !== BigInt(paidNano))
      findings.push(
        `epoch ${epoch}: ${paidNano} nano-PINGO for ${job}; its escrow on chain ${view === undefined ? "does not stand" : `is ${view.phase}, for ${view.billedNano}`}`,
      );
  }
}

function isInForce({ root, totalNano }: EpochPool, { active }: DistributorView): boolean {
  if (active.epoch === 0) return root === null;
  return root === hexOf(active.root) && BigInt(totalNano) === active.totalNano;
}

function rootAt({ active, pending }: DistributorView, epoch: number): DistributorView["active"] | null {
  if (pending?.epoch === epoch) return pending;
  return active.epoch === epoch ? active : null;
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // no epoch's file: refused by its shape
  }
}
