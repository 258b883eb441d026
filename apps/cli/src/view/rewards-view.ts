/** What the emission gave a wallet, for people: a table of the two pools, and what comes next. */
import { formatPingo, type Pool, type RewardsView } from "@pingo/core";
import { moment } from "../local/vote-error.ts";
import { table } from "./table.ts";

export const POOL_NAMES: { readonly [K in Pool]: string } = {
  compute: "for computing and models",
  fog: "for serving and using",
};

/** Nothing for a wallet that was never given anything, and would not be. */
export function rewardLines({ pools, endsAtUnixS }: RewardsView): readonly string[] {
  const sum = (of: (pool: RewardsView["pools"][number]) => string): bigint =>
    pools.reduce((total, pool) => total + BigInt(of(pool)), 0n);
  const givenNano = sum(({ givenNano: given }) => given);
  const runningNano = sum(({ runningNano: running }) => running);
  if (givenNano === 0n && runningNano === 0n) return ["rewards: none yet"];
  const rows = pools.map(({ pool, ...of }) => [
    POOL_NAMES[pool],
    ...[of.givenNano, of.claimedNano, claimableOf(of).toString(), of.runningNano].map((nano) =>
      formatPingo(BigInt(nano)),
    ),
  ]);
  const right = (title: string) => ({ title, align: "right" as const });
  const columns = ["given", "claimed", "to claim now", "running epoch"].map(right);
  const waits = pools.flatMap(({ waitsUntilUnixS }) => waitsUntilUnixS ?? []);
  const isClaimable = pools.some((pool) => claimableOf(pool) > 0n);
  return [
    ...table([{ title: "rewards" }, ...columns], rows).split("\n"),
    ...(isClaimable ? ['"pingo earnings claim" brings what can be claimed into the wallet'] : []),
    ...(waits.length > 0 ? [`a root waits until ${moment(Math.min(...waits))}, and pays then`] : []),
    ...(runningNano > 0n ? [`the running epoch ends on ${moment(endsAtUnixS)}, by the chain's clock`] : []),
  ];
}

/** For who was just paid: what comes beside it, and when. */
export function sentencesOfRewards({ pools, endsAtUnixS }: RewardsView): readonly string[] {
  const partsOf = (of: (pool: RewardsView["pools"][number]) => bigint): readonly string[] =>
    pools.flatMap((pool) => (of(pool) > 0n ? [`${formatPingo(of(pool))} ${POOL_NAMES[pool.pool]}`] : []));
  const running = partsOf(({ runningNano }) => BigInt(runningNano));
  const claimable = partsOf(claimableOf);
  return [
    ...(running.length > 0
      ? [`rewards beside it when the epoch ends, ${moment(endsAtUnixS)}: ${running.join(", ")}`]
      : []),
    ...(claimable.length > 0
      ? [`rewards to claim now ("pingo earnings claim"): ${claimable.join(", ")}`]
      : []),
  ];
}

/** By the books, which are a moment behind the chain. */
export function claimableOf({
  inForceNano,
  claimedNano,
}: Pick<RewardsView["pools"][number], "inForceNano" | "claimedNano">): bigint {
  const nano = BigInt(inForceNano) - BigInt(claimedNano);
  return nano > 0n ? nano : 0n;
}
