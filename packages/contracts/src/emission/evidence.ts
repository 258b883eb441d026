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
  isRunUnit,
  JOB_DOMAIN,
  LIMITS,
  type NodeId,
  openSigned,
  openWalletLink,
  parseShape,
  publicKeyOfNodeId,
  RECEIPT_DOMAIN,
  zSignedJob,
  zSignedReceipt,
  zWalletLink,
  zWorkUnit,
} from "@pingo/core";
import { type Pay, payOf, type RewardedJob } from "@pingo/scheduler";
import { walletContract } from "@pingo/ton";
import { EmissionError } from "./emission-error.ts";

export type Evidence = Pick<EpochDocument, "network" | "fog" | "jobs" | "links">;
/** A block whose bytes were checked against its id. */
type Read = (cid: Cid) => Promise<Uint8Array>;

/** @throws {EmissionError} EVIDENCE_WRONG */
export async function openEvidence(evidence: Evidence, read: Read): Promise<readonly RewardedJob[]> {
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

async function openLinks({ network, links }: Evidence, read: Read): Promise<ReadonlyMap<NodeId, string>> {
  const addressByNode = new Map<NodeId, string>();
  for (const cid of links) {
    const { statement, walletKey } = await opened(cid, async () =>
      openWalletLink(parseShape(zWalletLink, await decodedBlock(cid, read), "a wallet's link")),
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
  read: Read,
): Promise<readonly OpenedWork[]> {
  const { job } = await opened(id, async () =>
    openSigned(JOB_DOMAIN, parseShape(zSignedJob, await decodedBlock(id, read), "a job")),
  );
  const rounds = job.kind === "Run" ? 1 : job.schedule.rounds;
  assertTrue(!isModel || job.kind === "Train", id, "a job that trains nothing comes to no model");
  const budgetNano = BigInt(job.budgetNano);
  const unitsByRound = new Map<number, number>();
  const counted = new Set<string>();
  const works: { readonly provider: NodeId; readonly pay: Pay }[] = [];
  for (const { receipt: cid, units } of receipts) {
    const { provider, pay } = await opened(cid, async () => {
      const signed = parseShape(zSignedReceipt, await decodedBlock(cid, read), "a receipt");
      const receipt = openSigned(RECEIPT_DOMAIN, signed);
      const unit = parseShape(zWorkUnit, await decodedBlock(receipt.unit, read), "a unit of work");
      const { round, index, steps } = unit;
      const place = `${round}/${index}`;
      assertTrue(signed.signer === receipt.provider, cid, "another signed than did the work");
      assertTrue(unit.job === id, cid, `it is of the job ${unit.job}`);
      assertTrue(isRunUnit(unit) === (job.kind === "Run"), cid, "it is of another kind of work");
      assertTrue(receipt.steps <= steps, cid, "more steps were done than were planned");
      assertTrue(round <= rounds && index < units, cid, "there is no such round, or no such unit in it");
      assertTrue((unitsByRound.get(round) ?? units) === units, cid, "its round has another number of units");
      assertTrue(!counted.has(place), cid, `unit ${index} of round ${round} counts twice`);
      unitsByRound.set(round, units);
      counted.add(place);
      return {
        provider: receipt.provider,
        pay: payOf({ budgetNano, rounds, units, stepsPlanned: steps, stepsDone: receipt.steps }),
      };
    });
    works.push({ provider, pay });
  }
  const usedNano = works.reduce((sum, { pay }) => sum + pay.totalNano, 0n);
  const wasPaidNano = BigInt(paidNano);
  assertTrue(wasPaidNano <= usedNano, id, `${wasPaidNano} nano-PINGO were paid for work of ${usedNano}`);
  // A dispute cuts all of a job's work alike.
  return works.map(({ provider, pay }) => ({
    provider,
    feeNano: usedNano === 0n ? 0n : (pay.feeNano * wasPaidNano) / usedNano,
  }));
}

async function decodedBlock(cid: Cid, read: Read): Promise<unknown> {
  const bytes = await read(cid);
  assertTrue(bytes.byteLength <= LIMITS.valueBytesMax, cid, "it is larger than any value of ours");
  return decodeCanonical(bytes);
}

/** What is malformed, unsigned or missing proves nothing: one fault says where. */
async function opened<T>(cid: Cid, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (cause) {
    if (!isFault(cause) || cause instanceof EmissionError || !WRONG.has(cause.code)) throw cause;
    throw new EmissionError({ code: "EVIDENCE_WRONG", where: cid, why: cause.message }, { cause });
  }
}

/** Others, such as a fog node that does not answer, say nothing of the evidence. */
const WRONG: ReadonlySet<string> = new Set([
  "SHAPE_INVALID",
  "SIGNATURE_INVALID",
  "KEY_WEAK",
  "WALLET_LINK_MISMATCH",
  "VALUE_MALFORMED",
  "VALUE_TOO_LARGE",
  "VALUE_TOO_DEEP",
  "VALUE_TOO_MANY_ITEMS",
]);

function assertTrue(isTrue: boolean, where: string, why: string): void {
  if (!isTrue) throw new EmissionError({ code: "EVIDENCE_WRONG", where, why });
}
