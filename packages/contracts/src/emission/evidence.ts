/**
 * Opens what an epoch's rewards are computed from: jobs, units, receipts and wallets, each checked against its signature.
 *
 * Whoever has the blocks can do it; nothing in it asks the fog node that published them to be believed, but for which jobs came to a model, how many units a
 * round had, and what escrows paid. The last stands on chain (`jobEscrow`), and limits what the second can do.
 */
import {
  type Cid,
  decodeCanonical,
  type EpochDocument,
  type EpochJob,
  isFault,
  isVerdictOn,
  type NodeId,
  openWalletLink,
  parseShape,
  publicKeyOfNodeId,
  type Receipt,
  zVerdictBlock,
  zWalletLink,
} from "@pingo/core";
import { openWorks, provesNothing, type ReadBlock, type RewardedJob } from "@pingo/scheduler";
import { walletContract } from "@pingo/ton";
import { EmissionError } from "./emission-error.ts";

export type Evidence = Pick<EpochDocument, "network" | "fog" | "jobs" | "links">;

/** @throws {EmissionError} EVIDENCE_WRONG */
export async function openEvidence(evidence: Evidence, read: ReadBlock): Promise<readonly RewardedJob[]> {
  const { network, fog, jobs } = evidence;
  const addressByNode = await openLinks(evidence, read);
  const fogAddress = walletContract(publicKeyOfNodeId(fog), network).address.toRawString();
  const seen = new Set<Cid>();
  const opened: RewardedJob[] = [];
  for (const job of jobs) {
    assertTrue(!seen.has(job.job), job.job, "it is there twice");
    seen.add(job.job);
    const works = await openJob(job, read);
    opened.push({
      user: job.user,
      fog: fogAddress,
      isModel: job.isModel,
      works: works.map(({ provider, feeNano }) => ({
        provider: addressByNode.get(provider) ?? null,
        feeNano,
      })),
    });
  }
  return opened;
}

async function openLinks(
  { network, links }: Evidence,
  read: ReadBlock,
): Promise<ReadonlyMap<NodeId, string>> {
  const addressByNode = new Map<NodeId, string>();
  for (const cid of links) {
    const { statement, walletKey } = await opened(cid, async () =>
      openWalletLink(parseShape(zWalletLink, decodeCanonical(await read(cid)), "a wallet's link")),
    );
    const { node, address } = statement;
    const own = walletContract(walletKey, network).address.toRawString();
    assertTrue(statement.network === network && own === address, cid, `${address} is not that key's wallet`);
    assertTrue(!addressByNode.has(node), cid, `${node} is linked twice`);
    addressByNode.set(node, address);
  }
  return addressByNode;
}

interface OpenedWork {
  readonly provider: NodeId;
  readonly feeNano: bigint;
}

async function openJob(
  { job: id, receipts, isModel, paidNano }: EpochJob,
  read: ReadBlock,
): Promise<readonly OpenedWork[]> {
  const { order, works, unproven } = await opened(id, () => openWorks(id, receipts, read));
  assertTrue(!isModel || order.kind === "Train", id, "a job that trains nothing comes to no model");
  const [first] = unproven;
  if (first !== undefined)
    throw new EmissionError({ code: "EVIDENCE_WRONG", where: first.receipt, why: first.why });
  const verdicts = new Map(
    receipts.flatMap(({ receipt, refuted }) => (refuted === undefined ? [] : [[receipt, refuted] as const])),
  );
  for (const { cid, receipt } of works) {
    const verdict = verdicts.get(cid);
    if (verdict !== undefined) await checkVerdict(verdict, { cid, receipt }, read);
  }
  const standing = works.filter(({ cid }) => !verdicts.has(cid));
  const sumOf = (some: typeof works): bigint => some.reduce((sum, { pay }) => sum + pay.totalNano, 0n);
  const usedNano = sumOf(standing);
  // What was paid for work that was refuted after its bill is its user's again.
  const allNano = sumOf(works);
  assertTrue(BigInt(paidNano) <= allNano, id, `${paidNano} nano-PINGO were paid for work of ${allNano}`);
  const wasPaidNano = BigInt(paidNano) < usedNano ? BigInt(paidNano) : usedNano;
  // A dispute cuts all of a job's work alike.
  return standing.map(({ receipt: { provider }, pay }) => ({
    provider,
    feeNano: usedNano === 0n ? 0n : (pay.feeNano * wasPaidNano) / usedNano,
  }));
}

async function checkVerdict(
  verdict: Cid,
  { cid, receipt }: { readonly cid: Cid; readonly receipt: Receipt },
  read: ReadBlock,
): Promise<void> {
  const block = await opened(verdict, async () =>
    parseShape(zVerdictBlock, decodeCanonical(await read(verdict)), "a verdict"),
  );
  assertTrue(isVerdictOn(block, cid, receipt), verdict, `it does not tell against ${cid}`);
}

/** What proves nothing is one fault that says where. */
async function opened<T>(cid: Cid, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (cause) {
    if (!isFault(cause) || !(cause.code === "WALLET_LINK_MISMATCH" || provesNothing(cause))) throw cause;
    throw new EmissionError({ code: "EVIDENCE_WRONG", where: cid, why: cause.message }, { cause });
  }
}

function assertTrue(isTrue: boolean, where: string, why: string): void {
  if (!isTrue) throw new EmissionError({ code: "EVIDENCE_WRONG", where, why });
}
