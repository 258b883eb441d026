import type { Pool } from "@pingo/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { divide, type RewardedJob, rewardsOf } from "./rewards.ts";

const WALLETS = ["0:a", "0:b", "0:c", "0:d", "0:e"] as const;
const arbWallet = fc.constantFrom(...WALLETS);
const arbFee = fc.oneof(fc.bigInt({ min: 0n, max: 20n }), fc.bigInt({ min: 0n, max: 10n ** 16n }));
const arbJob: fc.Arbitrary<RewardedJob> = fc.record({
  user: arbWallet,
  fog: arbWallet,
  isModel: fc.boolean(),
  works: fc.array(fc.record({ provider: fc.option(arbWallet), feeNano: arbFee }), { maxLength: 6 }),
});
const arbJobs = fc.array(arbJob, { maxLength: 6 });
const arbRoom: fc.Arbitrary<Readonly<Record<Pool, bigint>>> = fc.record({ compute: arbFee, fog: arbFee });
const PLENTY = { compute: 10n ** 18n, fog: 10n ** 18n };

function sum(amounts: Iterable<bigint>): bigint {
  return [...amounts].reduce((whole, nano) => whole + nano, 0n);
}

function feesOf(jobs: readonly RewardedJob[]): bigint {
  return sum(jobs.flatMap(({ works }) => works.map(({ feeNano }) => feeNano)));
}

test("no pool gives more than the schedule opens, and both together no more than the fees that were paid", () => {
  fc.assert(
    fc.property(arbJobs, arbRoom, (jobs, roomNano) => {
      const { compute, fog } = rewardsOf(jobs, roomNano);
      expect(sum(compute.values()) <= roomNano.compute).toBe(true);
      expect(sum(fog.values()) <= roomNano.fog).toBe(true);
      expect(sum(compute.values()) + sum(fog.values()) <= feesOf(jobs)).toBe(true);
      expect([...compute.values(), ...fog.values()].every((nano) => nano > 0n)).toBe(true);
    }),
  );
});

test("whoever pays their own computers through somebody else's fog node gets back less than it cost them", () => {
  fc.assert(
    fc.property(fc.array(fc.bigInt({ min: 1n, max: 10n ** 15n }), { minLength: 1, maxLength: 8 }), (fees) => {
      const works = fees.map((feeNano) => ({ provider: "0:a", feeNano }));
      const { compute, fog } = rewardsOf([{ user: "0:a", fog: "0:f", isModel: true, works }], PLENTY);
      const backNano = (compute.get("0:a") ?? 0n) + (fog.get("0:a") ?? 0n);
      // Less but for the nano that rounding leaves to the smallest of two.
      expect(8n * backNano <= 5n * sum(fees) + 8n).toBe(true);
    }),
  );
});

test("the order of jobs and of receipts changes nothing", () => {
  fc.assert(
    fc.property(arbJobs, arbRoom, fc.infiniteStream(fc.nat()), (jobs, roomNano, draws) => {
      const shuffled = <T>(list: readonly T[]): T[] =>
        list
          .map((value) => ({ value, at: draws.next().value ?? 0 }))
          .sort((a, b) => a.at - b.at)
          .map(({ value }) => value);
      const mixed = shuffled(jobs).map((job) => ({ ...job, works: shuffled(job.works) }));
      const sorted = (rewards: ReadonlyMap<string, bigint>) => [...rewards].sort();
      const [one, other] = [rewardsOf(jobs, roomNano), rewardsOf(mixed, roomNano)];
      expect(sorted(other.compute)).toEqual(sorted(one.compute));
      expect(sorted(other.fog)).toEqual(sorted(one.fog));
    }),
  );
});

test("all of an amount is divided; nobody is a nano further from their part than one, and what rounding leaves goes to the smallest", () => {
  const arbWeights = fc.dictionary(fc.string({ maxLength: 3 }), fc.bigInt({ min: 1n, max: 10n ** 12n }), {
    minKeys: 1,
    maxKeys: 12,
  });
  fc.assert(
    fc.property(fc.bigInt({ min: 1n, max: 10n ** 18n }), arbWeights, (amountNano, weights) => {
      const weightByOwner = new Map(Object.entries(weights));
      const whole = sum(weightByOwner.values());
      const parts = divide(amountNano, weightByOwner);
      expect(sum(parts.values())).toBe(amountNano);
      for (const [owner, weight] of weightByOwner) {
        const offNano = (parts.get(owner) ?? 0n) * whole - amountNano * weight;
        expect(offNano > -whole && offNano <= whole).toBe(true);
      }
    }),
  );
  const three = new Map([
    ["0:large", 4n],
    ["0:small", 1n],
    ["0:other", 1n],
  ]);
  expect(Object.fromEntries(divide(8n, three))).toEqual({ "0:large": 5n, "0:other": 2n, "0:small": 1n });
});

test("a fee of 80 nano gives 30 to the provider, 10 to the creator, 30 to the fog node and 10 to the user; work of nobody's wallet, or without a model, gives less", () => {
  const job = { user: "0:u", fog: "0:f", isModel: true, works: [{ provider: "0:p", feeNano: 80n }] };
  const told = (jobs: readonly RewardedJob[], room = PLENTY) => {
    const { compute, fog } = rewardsOf(jobs, room);
    return { compute: Object.fromEntries(compute), fog: Object.fromEntries(fog) };
  };
  expect(told([job])).toEqual({ compute: { "0:p": 30n, "0:u": 10n }, fog: { "0:f": 30n, "0:u": 10n } });
  expect(told([{ ...job, isModel: false }]).compute).toEqual({ "0:p": 30n });
  expect(told([{ ...job, works: [{ provider: null, feeNano: 80n }] }]).compute).toEqual({ "0:u": 10n });
  expect(told([job], { compute: 20n, fog: 4n })).toEqual({
    compute: { "0:p": 15n, "0:u": 5n },
    fog: { "0:f": 3n, "0:u": 1n },
  });
  expect(told([])).toEqual({ compute: {}, fog: {} });
});
