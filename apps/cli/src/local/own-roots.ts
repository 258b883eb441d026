/** This home's part in roots: it challenges one that waits, and as a fog node of the quorum signs and posts one. */
import type { DistributorTerms } from "@pingo/contracts";
import { assert, isSignatureOf, type Pool } from "@pingo/core";
import type { FogClient } from "@pingo/sdk";
import type { Cell } from "@ton/core";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { type CheckedPool, checkEpoch, hexOf, readDocument, readVaults } from "./check-epoch.ts";
import { findFogKey, readFogKey } from "./fog-key.ts";
import type { OwnChain } from "./own-chain.ts";
import { RewardError } from "./reward-error.ts";

export interface RootParts {
  readonly client: FogClient;
  readonly chain: OwnChain;
}

/** proof: two proofs convicted it, and it fell at once. bond: it waits for governance. */
export type Challenged = { readonly how: "proof" | "bond"; readonly untilUnixS: number | null };

/** A place in the quorum, and its signature. */
export type RootSignature = readonly [place: number, signature: Uint8Array];

const NANOGRAM = 1_000_000_000n;
/** For the quorum and the vault, the proofs, or beside the bond; the rest comes back. */
const ASK_NANOGRAM = NANOGRAM / 5n;
const DAY_S = 86_400;

/** @throws {RewardError} NO_ROOT_WAITS, ROOT_CHALLENGED, ROOT_IS_RIGHT; {CliError} GRAM_MISSING */
export async function challengeRoot(context: Context, parts: RootParts, pool: Pool): Promise<Challenged> {
  const { chain } = parts;
  const { pending } = (await readVaults(chain))[pool];
  if (pending === null) throw new RewardError({ code: "NO_ROOT_WAITS", pool });
  if (pending.challenger !== null) throw new RewardError({ code: "ROOT_CHALLENGED", pool });
  const checked = (await checkEpoch(context, parts, pending.epoch)).pools.find((one) => one.pool === pool);
  if (checked?.isRight) throw new RewardError({ code: "ROOT_IS_RIGHT", pool, epoch: pending.epoch });
  const { DistributorAt, encodeChallenge } = await import("@pingo/contracts");
  const { Address } = await import("@ton/core");
  const to = Address.parseRaw(chain.addressOf(pool));
  const vault = chain.client.open(new DistributorAt(to));
  const proof = await proofOfDecrease(context, parts, pool);
  if (proof !== null) {
    await chain.ask({
      what: "the fall of the root",
      messages: [{ to, valueNanogram: ASK_NANOGRAM, body: proof }],
      look: async () => (await vault.getView()).pending?.root !== pending.root || undefined,
    });
    return { how: "proof", untilUnixS: null };
  }
  const { bondNanogram } = await readTerms(chain, pool);
  const untilUnixS = await chain.ask({
    what: "the challenge",
    messages: [{ to, valueNanogram: bondNanogram + ASK_NANOGRAM, body: encodeChallenge() }],
    async look() {
      const { pending: now } = await vault.getView();
      return now?.challenger ? now.untilUnixS : undefined;
    },
  });
  return { how: "bond", untilUnixS };
}

/** Sums only grow: two proofs of one owner convict a root, where the fog node publishes both lists. */
async function proofOfDecrease(
  context: Context,
  { client, chain }: RootParts,
  pool: Pool,
): Promise<Cell | null> {
  const { encodeProveDecrease, treeOf } = await import("@pingo/contracts");
  const { Address } = await import("@ton/core");
  const { active, pending } = (await readVaults(chain))[pool];
  const { epochs } = await client.emission({ signal: context.signal });
  const listed = async (seen: { readonly epoch: number; readonly root: bigint } | null) => {
    const closed = epochs.find(({ epoch }) => epoch === seen?.epoch);
    if (closed === undefined || seen === null) return null;
    const { given, root } = (await readDocument(context, client, closed.document)).pools[pool];
    return root === hexOf(seen.root) ? { given, tree: treeOf(given) } : null;
  };
  const [before, after] = [await listed(active), await listed(pending)];
  if (!before?.tree || !after?.tree) return null;
  const robbed = before.given.find(
    ({ owner, nano }) => (after.tree?.amountOf(Address.parseRaw(owner).hash) ?? 0n) < BigInt(nano),
  );
  if (robbed === undefined) return null;
  const owner = Address.parseRaw(robbed.owner);
  return encodeProveDecrease(owner, before.tree.proofOf(owner.hash), after.tree.proofOf(owner.hash));
}

/** Not before everything was computed again here. @throws {RewardError} EPOCH_IS_WRONG, ROOT_POSTED; {CliError} NO_FOG_KEY, QUORUM_NOT_OURS */
export async function signRoot(
  context: Context,
  parts: RootParts,
  pool: Pool,
  wanted: number | undefined,
): Promise<{ readonly epoch: number; readonly root: string; readonly signature: RootSignature }> {
  const { epoch, root, call } = await callFor(context, parts, pool, wanted);
  const { placeInQuorum, signCell } = await import("@pingo/contracts");
  const key = await readFogKey(context);
  const quorum = await readQuorum(parts.chain);
  const place = placeInQuorum(quorum, key.publicKey);
  if (place === undefined)
    throw new CliError({ code: "QUORUM_NOT_OURS", isMember: false, threshold: quorum.threshold });
  return { epoch, root, signature: [place, signCell(key, call)] };
}

/** With this home's signature, where its fog node is of the quorum, and those of others. @throws {RewardError} SIGNATURES_MISSING and those of {@link signRoot} */
export async function postRoot(
  context: Context,
  parts: RootParts,
  {
    pool,
    epoch: wanted,
    others,
  }: { readonly pool: Pool; readonly epoch: number | undefined; readonly others: readonly RootSignature[] },
): Promise<{ readonly epoch: number; readonly root: string }> {
  const { chain } = parts;
  const { epoch, root, call } = await callFor(context, parts, pool, wanted);
  const { DistributorAt, encodeExecute, placeInQuorum, signCell } = await import("@pingo/contracts");
  const { Address } = await import("@ton/core");
  const quorum = await readQuorum(chain);
  // One that is not of this call, or of no member, would spoil the order.
  const signatures = new Map(
    others.filter(([place, signature]) => {
      const key = quorum.publicKeyByIndex.get(place);
      return key !== undefined && isSignatureOf(key, call.hash(), signature);
    }),
  );
  const key = await findFogKey(context);
  const own = key && placeInQuorum(quorum, key.publicKey);
  if (key && own !== undefined) signatures.set(own, signCell(key, call));
  const { threshold } = quorum;
  if (signatures.size < threshold)
    throw new RewardError({ code: "SIGNATURES_MISSING", found: signatures.size, threshold });
  const body = encodeExecute(call, signatures);
  const vault = chain.client.open(new DistributorAt(Address.parseRaw(chain.addressOf(pool))));
  await chain.ask({
    what: "the root",
    messages: [{ to: Address.parseRaw(chain.addressOf("quorum")), valueNanogram: ASK_NANOGRAM, body }],
    async look() {
      const { active, pending } = await vault.getView();
      return pending?.epoch === epoch || active.epoch === epoch || undefined;
    },
  });
  return { epoch, root };
}

/** The same for every member who asks within a day or two, so that their signatures go together. */
async function callFor(context: Context, parts: RootParts, pool: Pool, wanted: number | undefined) {
  const { chain } = parts;
  const { epoch, pools, findings } = await checkEpoch(context, parts, wanted);
  const checked: CheckedPool | undefined = pools.find((one) => one.pool === pool);
  assert(checked !== undefined, "every pool is checked");
  const [why] = findings;
  if (why !== undefined) throw new RewardError({ code: "EPOCH_IS_WRONG", epoch, why });
  const { computed, view } = checked;
  if (view.active.epoch >= epoch || view.pending !== null)
    throw new RewardError({ code: "ROOT_POSTED", pool, epoch: view.pending?.epoch ?? view.active.epoch });
  if (!computed?.root)
    throw new RewardError({ code: "EPOCH_IS_WRONG", epoch, why: `nobody is given anything from ${pool}` });
  const { encodePostRoot, encodeQuorumCall } = await import("@pingo/contracts");
  const { Address } = await import("@ton/core");
  const { seqno } = await readQuorum(chain);
  const nowUnixS = await chain.client.nowUnixS(context.signal);
  const call = encodeQuorumCall({
    quorum: Address.parseRaw(chain.addressOf("quorum")),
    globalId: chain.network,
    seqno,
    validUntilUnixS: (Math.floor(nowUnixS / DAY_S) + 2) * DAY_S,
    valueMinNanogram: ASK_NANOGRAM,
    target: Address.parseRaw(chain.addressOf(pool)),
    order: encodePostRoot({
      epoch,
      root: BigInt(`0x${computed.root}`),
      totalNano: BigInt(computed.totalNano),
    }),
  });
  return { epoch, root: computed.root, call };
}

async function readTerms(chain: OwnChain, pool: Pool): Promise<DistributorTerms> {
  const { parseDistributorTerms } = await import("@pingo/contracts");
  const { Address } = await import("@ton/core");
  const storage = await chain.client.storage(Address.parseRaw(chain.addressOf(pool)));
  assert(storage !== null, "its view was read a moment ago");
  return parseDistributorTerms(storage);
}

async function readQuorum(chain: OwnChain) {
  const { QuorumAt } = await import("@pingo/contracts");
  const { Address } = await import("@ton/core");
  return chain.client.open(new QuorumAt(Address.parseRaw(chain.addressOf("quorum")))).getView();
}
