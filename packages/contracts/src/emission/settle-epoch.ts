/** From paid work to what each pool gives: the rewards of an epoch, all in all since the first, and the root that is posted. */
import { assert, type EpochPool, type EpochShare, POOLS, type Pool } from "@pingo/core";
import { type RewardedJob, rewardsOf } from "@pingo/scheduler";
import { Address } from "@ton/core";
import { ClaimTree } from "../claims/claim-tree.ts";

type Given = Readonly<Record<Pool, readonly EpochShare[]>>;

/**
 * @param roomNano what the schedule opens with this epoch
 * @param before what was given all in all by the epoch before
 */
export function settleEpoch(
  jobs: readonly RewardedJob[],
  roomNano: Readonly<Record<Pool, bigint>>,
  before: Given,
): Readonly<Record<Pool, EpochPool>> {
  const rewards = rewardsOf(jobs, roomNano);
  const [compute, fog] = POOLS.map((pool): EpochPool => {
    const given = new Map(before[pool].map(({ owner, nano }) => [owner, BigInt(nano)]));
    for (const [owner, nano] of rewards[pool]) given.set(owner, (given.get(owner) ?? 0n) + nano);
    const shares = sharesOf(given);
    const tree = treeOf(shares);
    return {
      roomNano: roomNano[pool].toString(),
      rewards: sharesOf(rewards[pool]),
      given: shares,
      totalNano: (tree?.totalNano ?? 0n).toString(),
      root: tree === null ? null : tree.root.toString(16).padStart(64, "0"),
    };
  });
  assert(compute !== undefined && fog !== undefined, "there are two pools");
  return { compute, fog };
}

/** Nothing before the first. */
export function givenOf(document: { readonly pools: Readonly<Record<Pool, EpochPool>> } | undefined): Given {
  return { compute: document?.pools.compute.given ?? [], fog: document?.pools.fog.given ?? [] };
}

/** null where nobody is given anything. */
export function treeOf(given: readonly EpochShare[]): ClaimTree | null {
  if (given.length === 0) return null;
  return new ClaimTree(
    given.map(({ owner, nano }) => ({ owner: Address.parseRaw(owner).hash, cumulativeNano: BigInt(nano) })),
  );
}

function sharesOf(nanoByOwner: ReadonlyMap<string, bigint>): readonly EpochShare[] {
  return [...nanoByOwner]
    .map(([owner, nano]) => ({ owner, nano: nano.toString() }))
    .sort((a, b) => (a.owner < b.owner ? -1 : 1));
}
