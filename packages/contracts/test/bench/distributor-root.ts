/**
 * A root for a million owners, proofs under it, and a claim with one of them, in a process of its own.
 *
 * Prints one JSON line. The memory is the most that this process ever held, list of owners and all.
 */
import { createHash } from "node:crypto";
import { Address } from "@ton/core";
import { ClaimTree, type Given } from "../../src/claims/claim-tree.ts";
import { Distributor, encodeClaim, encodePostRoot } from "../../src/claims/distributor.ts";
import { encodeOrder } from "../../src/quorum/order.ts";
import { addressOf, NANOGRAM, START_UNIX_S, TestChain } from "../../src/testing/index.ts";

const OWNERS = 1_000_000;
const PROOFS = 1_000;
const HOUR_SECONDS = 3_600;
const KIBIBYTE = 1024;
const QUORUM = addressOf("quorum");

const given: Given[] = Array.from({ length: OWNERS }, (_, at) => ({
  owner: createHash("sha256").update(`owner ${at}`).digest(),
  cumulativeNano: 1_000_000_000n + BigInt(at),
}));
const startMs = performance.now();
const tree = new ClaimTree(given);
const { root } = tree;
const rootMs = performance.now() - startMs;

const proofMs: number[] = [];
for (let at = 0; at < PROOFS; at++) {
  const owner = ownerAt(at * (OWNERS / PROOFS));
  const beforeMs = performance.now();
  tree.proofOf(owner);
  proofMs.push(performance.now() - beforeMs);
}
const peakBytes = process.resourceUsage().maxRSS * KIBIBYTE;
const claimGas = await gasOfClaim();
proofMs.sort((one, other) => one - other);
process.stdout.write(
  JSON.stringify({
    owners: OWNERS,
    rootMs,
    proofMs: quantile(0.5),
    proofMsMost: quantile(0.99),
    peakBytes,
    claimGas,
  }),
);

/** Of the transaction that checks the proof. */
async function gasOfClaim(): Promise<number> {
  const terms = { minter: addressOf("minter"), startUnixS: START_UNIX_S, epochSeconds: 1, epochsPerEra: 1 };
  const windows = { windowSeconds: HOUR_SECONDS, resolveSeconds: HOUR_SECONDS, bondNanogram: 1n, stream: 0 };
  const budgetNano = 8n * tree.totalNano;
  const vault = new Distributor({ ...terms, ...windows, budgetNano }, authorities());
  const chain = await TestChain.start();
  const order = encodeOrder(encodePostRoot({ epoch: 1, root, totalNano: tree.totalNano }), QUORUM);
  chain.advance(1);
  const { address: to, init } = vault;
  const [posted] = await chain.send({ from: QUORUM, to, valueNanogram: NANOGRAM, init, body: order });
  chain.advance(HOUR_SECONDS);
  const owner = new Address(0, Buffer.from(ownerAt(4_711)));
  const body = encodeClaim(owner, tree.proofOf(owner.hash));
  const [claimed] = await chain.send({ from: QUORUM, to, valueNanogram: NANOGRAM, body });
  if (posted?.exitCode !== 0 || claimed?.exitCode !== 0) throw new Error("the claim was refused");
  return claimed.gas;
}

function authorities() {
  return { quorum: QUORUM, governor: QUORUM, guardian: QUORUM };
}

function ownerAt(at: number): Uint8Array {
  const found = given[at]?.owner;
  if (!found) throw new Error(`there is no owner ${at}`);
  return found;
}

function quantile(share: number): number {
  return proofMs[Math.floor(share * PROOFS)] ?? 0;
}
