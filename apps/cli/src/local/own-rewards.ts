/** What the emission gave a wallet, and claiming it: by anyone, to that wallet alone. */
import { isFault, type Pool, type RewardsView } from "@pingo/core";
import type { FogClient } from "@pingo/sdk";
import type { Context } from "../context.ts";
import { openOwnChain } from "./own-chain.ts";
import { RewardError } from "./reward-error.ts";

export interface Claimed {
  readonly owner: string;
  readonly pools: readonly { readonly pool: Pool; readonly nano: bigint }[];
}

/** The claim, the owner's record and wallet with their first rent; most of it comes back. */
const CLAIM_NANOGRAM = 100_000_000n;

/** null where the fog node gives no rewards. */
export async function readRewards(
  client: FogClient,
  owner: string,
  signal: AbortSignal,
): Promise<RewardsView | null> {
  try {
    return await client.rewards(owner, { signal });
  } catch (error) {
    if (isFault(error) && error.code === "NO_EMISSION") return null;
    throw error;
  }
}

/**
 * Asks the chain, not the fog node, what is in force and what was paid.
 *
 * @param owner workchain:hex; this home's wallet unless given
 * @throws {RewardError} NOTHING_TO_CLAIM, PROOF_STALE, CLAIMS_PAUSED; {CliError} GRAM_MISSING
 */
export async function claimRewards(
  context: Context,
  client: FogClient,
  owner: string | undefined,
): Promise<Claimed> {
  const { signal } = context;
  const chain = await openOwnChain(context);
  const ownerAddress = owner ?? (await chain.ownAddress());
  const { pools, endsAtUnixS } = await client.rewards(ownerAddress, { signal });
  const { DistributorAt, encodeClaim } = await import("@pingo/contracts");
  const { Address, Cell } = await import("@ton/core");
  const to = Address.parseRaw(ownerAddress);
  const nowUnixS = await chain.client.nowUnixS(signal);
  const due: {
    readonly pool: Pool;
    readonly nano: bigint;
    readonly proof: string;
    readonly inForceNano: bigint;
  }[] = [];
  for (const { pool, inForceNano, proof } of pools) {
    const vault = chain.client.open(new DistributorAt(Address.parseRaw(chain.addressOf(pool))));
    const nano = BigInt(inForceNano) - (await vault.getPaidNano(to));
    if (proof === null || nano <= 0n) continue;
    const { active, pausedUntilUnixS } = await vault.getView();
    if (pausedUntilUnixS > nowUnixS)
      throw new RewardError({ code: "CLAIMS_PAUSED", untilUnixS: pausedUntilUnixS });
    // A Merkle proof's one child has the root's hash.
    const root = Cell.fromBase64(proof).refs[0]?.hash(0);
    if (root === undefined || BigInt(`0x${root.toString("hex")}`) !== active.root)
      throw new RewardError({ code: "PROOF_STALE", pool });
    due.push({ pool, nano, proof, inForceNano: BigInt(inForceNano) });
  }
  if (due.length === 0) {
    const sum = (of: (pool: (typeof pools)[number]) => bigint): bigint =>
      pools.reduce((total, pool) => total + of(pool), 0n);
    const waits = pools.flatMap(({ waitsUntilUnixS }) => waitsUntilUnixS ?? []);
    throw new RewardError({
      ...{ code: "NOTHING_TO_CLAIM", owner: ownerAddress },
      waitingNano: sum(({ givenNano, inForceNano }) => BigInt(givenNano) - BigInt(inForceNano)),
      runningNano: sum(({ runningNano }) => BigInt(runningNano)),
      fromUnixS: waits.length > 0 ? Math.min(...waits) : endsAtUnixS,
    });
  }
  await chain.ask({
    what: "the claim",
    messages: due.map(({ pool, proof }) => ({
      to: Address.parseRaw(chain.addressOf(pool)),
      valueNanogram: CLAIM_NANOGRAM,
      body: encodeClaim(to, Cell.fromBase64(proof)),
    })),
    async look() {
      for (const { pool, inForceNano } of due) {
        const vault = chain.client.open(new DistributorAt(Address.parseRaw(chain.addressOf(pool))));
        if ((await vault.getPaidNano(to)) < inForceNano) return undefined;
      }
      return true;
    },
  });
  return { owner: ownerAddress, pools: due.map(({ pool, nano }) => ({ pool, nano })) };
}
