/**
 * What the emission gives for paid work, from nothing but that work and the schedule.
 *
 * Pure: whoever has the receipts comes to the same nano. A piece of work gives at most the fee that was paid for it, in eighths: 3 to its provider and 1 to
 * the creator whose model it trained, from the pool `compute`; 3 to the fog node and 1 to the user, from the pool `fog`. Where the schedule opens less,
 * all are cut alike. Why: docs/adr/0020.
 */
import { assert, POOLS, type Pool } from "@pingo/core";

const EIGHTHS = 8n;
const PROVIDER_EIGHTHS = 3n;
const CREATOR_EIGHTHS = 1n;
const FOG_EIGHTHS = 3n;
const USER_EIGHTHS = 1n;

/** A job that was paid for on chain. Owners are wallets, by address. */
export interface RewardedJob {
  readonly user: string;
  readonly fog: string;
  /** Training that came to a model: its user is a creator too. */
  readonly isModel: boolean;
  readonly works: readonly RewardedWork[];
}

export interface RewardedWork {
  /** null: nobody said whose wallet the provider works for, and its part lapses. */
  readonly provider: string | null;
  /** Of what was really paid. */
  readonly feeNano: bigint;
}

export type RewardsByPool = Readonly<Record<Pool, ReadonlyMap<string, bigint>>>;

/** @param roomNano what the schedule opens in this epoch, by pool */
export function rewardsOf(
  jobs: readonly RewardedJob[],
  roomNano: Readonly<Record<Pool, bigint>>,
): RewardsByPool {
  const weights = { compute: new Map<string, bigint>(), fog: new Map<string, bigint>() };
  const add = (pool: Pool, owner: string, weight: bigint): void => {
    if (weight > 0n) weights[pool].set(owner, (weights[pool].get(owner) ?? 0n) + weight);
  };
  for (const { user, fog, isModel, works } of jobs) {
    for (const { provider, feeNano } of works) {
      assert(feeNano >= 0n, "a fee is nothing or more");
      if (provider !== null) add("compute", provider, PROVIDER_EIGHTHS * feeNano);
      if (isModel) add("compute", user, CREATOR_EIGHTHS * feeNano);
      add("fog", fog, FOG_EIGHTHS * feeNano);
      add("fog", user, USER_EIGHTHS * feeNano);
    }
  }
  const [compute, fog] = POOLS.map((pool) => {
    const dueNano = sumOf(weights[pool].values()) / EIGHTHS;
    return divide(dueNano < roomNano[pool] ? dueNano : roomNano[pool], weights[pool]);
  });
  assert(compute !== undefined && fog !== undefined, "there are two pools");
  return { compute, fog };
}

/**
 * All of it, in proportion to weights. Each part is rounded down; the nanos that are left, fewer than there are owners, go to those with the smallest
 * parts, one each: rounding never takes from the small what it gives to the large. Who is given nothing is left out.
 */
export function divide(
  amountNano: bigint,
  weights: ReadonlyMap<string, bigint>,
): ReadonlyMap<string, bigint> {
  const whole = sumOf(weights.values());
  if (whole === 0n || amountNano <= 0n) return new Map();
  const parts = [...weights].map(([owner, weight]) => ({ owner, nano: (amountNano * weight) / whole }));
  const leftNano = amountNano - parts.reduce((sum, { nano }) => sum + nano, 0n);
  // Ties break on the owner, not on who came first.
  parts.sort((a, b) => compare(a.nano, b.nano) || compare(a.owner, b.owner));
  return new Map(
    parts
      .map(({ owner, nano }, at) => [owner, BigInt(at) < leftNano ? nano + 1n : nano] as const)
      .filter(([, nano]) => nano > 0n),
  );
}

function sumOf(amounts: Iterable<bigint>): bigint {
  let sum = 0n;
  for (const amount of amounts) sum += amount;
  return sum;
}

function compare<T extends bigint | string>(a: T, b: T): number {
  return a < b ? -1 : Number(a > b);
}
