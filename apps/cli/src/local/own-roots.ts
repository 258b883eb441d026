/** This home's part in roots: it challenges one that waits, and as a fog node of the quorum signs and posts one. */
import type { DistributorTerms } from "@pingo/contracts";
import { assert, type Pool } from "@pingo/core";
import type { FogClient } from "@pingo/sdk";
import type { Cell } from "@ton/core";
import type { Context } from "../context.ts";
import { type CheckedPool, checkEpoch, hexOf, readDocument, readVaults } from "./check-epoch.ts";
import { OrderError } from "./order-error.ts";
import type { OwnChain } from "./own-chain.ts";
import { executeCall, type QuorumSignature, quorumCall, signCall } from "./quorum-call.ts";
import { RewardError } from "./reward-error.ts";

export interface RootParts {
  readonly client: FogClient;
  readonly chain: OwnChain;
}

/** proof: two proofs convicted it, and it fell at once. bond: it waits for governance. */
export type Challenged = { readonly how: "proof" | "bond"; readonly untilUnixS: number | null };

const NANOGRAM = 1_000_000_000n;
/** For the quorum and the vault, the proofs, or beside the bond; the rest comes back. */
const ASK_NANOGRAM = NANOGRAM / 5n;

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

/** Anyone's, when governance was silent too long: the root falls, and the bond is its challenger's again. @throws {OrderError} ROOT_NOT_CHALLENGED, ROOT_IN_DECISION */
export async function dropRoot({ signal }: Context, chain: OwnChain, pool: Pool): Promise<number> {
  const { pending } = (await readVaults(chain))[pool];
  if (pending === null || pending.challenger === null)
    throw new OrderError({ code: "ROOT_NOT_CHALLENGED", pool });
  const { epoch, untilUnixS } = pending;
  if ((await chain.client.nowUnixS(signal)) < untilUnixS)
    throw new OrderError({ code: "ROOT_IN_DECISION", pool, untilUnixS });
  const { DistributorAt, encodeDropChallenged } = await import("@pingo/contracts");
  const { Address } = await import("@ton/core");
  const to = Address.parseRaw(chain.addressOf(pool));
  const vault = chain.client.open(new DistributorAt(to));
  await chain.ask({
    what: "the fall of the root",
    messages: [{ to, valueNanogram: ASK_NANOGRAM, body: encodeDropChallenged() }],
    look: async () => (await vault.getView()).pending?.root !== pending.root || undefined,
  });
  return epoch;
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
): Promise<{ readonly epoch: number; readonly root: string; readonly signature: QuorumSignature }> {
  const { epoch, root, call } = await callFor(context, parts, pool, wanted);
  return { epoch, root, signature: await signCall(context, parts.chain, call) };
}

/** With this home's signature, where its fog node is of the quorum, and those of others. @throws {RewardError} SIGNATURES_MISSING and those of {@link signRoot} */
export async function postRoot(
  context: Context,
  parts: RootParts,
  {
    pool,
    epoch: wanted,
    others,
  }: { readonly pool: Pool; readonly epoch: number | undefined; readonly others: readonly QuorumSignature[] },
): Promise<{ readonly epoch: number; readonly root: string }> {
  const { chain } = parts;
  const { epoch, root, call } = await callFor(context, parts, pool, wanted);
  const { DistributorAt } = await import("@pingo/contracts");
  const { Address } = await import("@ton/core");
  const message = await executeCall(context, chain, { call, others, sign: "pingo fog epoch sign" });
  const vault = chain.client.open(new DistributorAt(Address.parseRaw(chain.addressOf(pool))));
  await chain.ask({
    what: "the root",
    messages: [message],
    async look() {
      const { active, pending } = await vault.getView();
      return pending?.epoch === epoch || active.epoch === epoch || undefined;
    },
  });
  return { epoch, root };
}

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
  const { encodePostRoot } = await import("@pingo/contracts");
  const { Address } = await import("@ton/core");
  const call = await quorumCall(context, chain, {
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
