import { type Cid, cidOfBytes, HOURS_PER_WEEK, keyPairOfSeed, type NodeId } from "@pingo/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Demand } from "./demand.ts";
import { capacityLeft, OFFER_STALE_MS, type OfferState } from "./offer.ts";
import { plan, type Snapshot } from "./plan.ts";
import { REASON_CODES, type ReasonCode, refusalOf } from "./reasons.ts";

const NOW = 1_800_000_000_000;
const GiB = 2 ** 30;
const providers = Array.from({ length: 8 }, (_, i) => keyPairOfSeed(new Uint8Array(32).fill(i + 1)).nodeId);
const shards = Array.from({ length: 4 }, (_, i) => cidOfBytes(Uint8Array.of(i)));
const providerAt = (index: number): NodeId =>
  providers[index % providers.length] ?? expect.fail("no provider");
const shardAt = (index: number): Cid => shards[index % shards.length] ?? expect.fail("no shard");

function offerOf(index: number, change: Partial<OfferState> = {}): OfferState {
  return {
    provider: providerAt(index),
    slots: 1,
    cpuMillicores: 1_000,
    memoryBytes: GiB,
    diskBytes: 10 * GiB,
    gflops: 40,
    measuredAtUnixMs: NOW,
    connected: true,
    busySlots: 0,
    lastSeenUnixMs: NOW,
    recentFaults: 0,
    ...change,
  };
}

function demandOf(id: string, change: Partial<Demand> = {}): Demand {
  return { id, cpuMillicores: 1_000, memoryBytes: GiB / 2, ...change };
}

function planOf(
  offers: readonly OfferState[],
  demands: readonly Demand[],
  seed = 1,
): ReturnType<typeof plan> {
  return plan({ nowUnixMs: NOW, offers, demands, seed });
}

const winner = (offers: readonly OfferState[], demand = demandOf("unit")): NodeId | undefined =>
  planOf(offers, [demand]).assignments[0]?.provider;

test.each<[ReasonCode, Partial<OfferState>, Partial<Demand>]>([
  ["DISCONNECTED", { connected: false }, {}],
  ["OFFER_STALE", { lastSeenUnixMs: NOW - OFFER_STALE_MS - 1 }, {}],
  ["NOTHING_OFFERED", { slots: 0 }, {}],
  ["NO_FREE_SLOT", { busySlots: 1 }, {}],
  ["EXCLUDED", {}, { excluded: [providerAt(0)] }],
  ["CPU_TOO_SMALL", { cpuMillicores: 999 }, {}],
  ["MEMORY_TOO_SMALL", { memoryBytes: GiB / 4 }, {}],
  ["DISK_TOO_SMALL", { diskBytes: 5 }, { diskBytes: 6 }],
])("a provider is passed over as %s, and the demand says so too", (reason, offer, demand) => {
  const made = planOf([offerOf(0, offer)], [demandOf("unit", demand)]);
  expect(made.assignments).toEqual([]);
  expect(made.notChosen).toMatchObject([{ provider: providerAt(0), reason }]);
  expect(made.unplaced).toMatchObject([{ demand: "unit", reasons: [{ reason, providers: 1 }] }]);
  expect(made.notChosen[0]?.sentence).toMatch(/^(it|its|all|unit) .*[a-z)BsU]$/);
});

test("who fits but is not needed hears OUTRANKED; who has nothing to do hears NO_DEMAND", () => {
  const made = planOf([offerOf(0), offerOf(1, { gflops: 10 })], [demandOf("unit")]);
  expect(made.notChosen).toMatchObject([{ provider: providerAt(1), reason: "OUTRANKED" }]);
  expect(planOf([offerOf(0)], []).notChosen).toMatchObject([{ reason: "NO_DEMAND" }]);
  expect(planOf([offerOf(0, { connected: false })], []).notChosen).toMatchObject([
    { reason: "DISCONNECTED" },
  ]);
});

test("preference: fewest faults, then freshest, then held shards, then speed", () => {
  const fast = { gflops: 80 };
  const held = { ...fast, gflops: 20, heldShards: new Set([shardAt(0)]) };
  const fresh = { lastSeenUnixMs: NOW };
  const older = { lastSeenUnixMs: NOW - 15_000 };
  const demand = demandOf("unit", { shards: [shardAt(0), shardAt(1)] });
  expect(winner([offerOf(0), offerOf(1, fast)], demand)).toBe(providerAt(1));
  expect(winner([offerOf(0, fast), offerOf(1, held)], demand)).toBe(providerAt(1));
  expect(winner([offerOf(0, { ...held, ...older }), offerOf(1, fresh)], demand)).toBe(providerAt(1));
  expect(winner([offerOf(0, { ...fresh, recentFaults: 1 }), offerOf(1, older)], demand)).toBe(providerAt(1));
  // A second of difference is no difference in freshness.
  expect(winner([offerOf(0), offerOf(1, { ...fast, lastSeenUnixMs: NOW - 1_000 })], demand)).toBe(
    providerAt(1),
  );
});

test("of two alike, the one whose owner lets it work at this hour; one without a history counts as that", () => {
  const hours = (percent: number) => ({
    terms: {
      ...{ memoryBytesPerSecond: 0, downBytesPerSecond: 0, upBytesPerSecond: 0, reclaimNoticeMs: 0 },
      ...{ availability: new Array(HOURS_PER_WEEK).fill(percent), priceNanoPerCpuHour: "0" },
    },
  });
  const leaving = offerOf(0, { gflops: 90, ...hours(20) });
  expect(winner([leaving, offerOf(1, hours(95))])).toBe(providerAt(1));
  expect(winner([leaving, offerOf(1)])).toBe(providerAt(1));
  // A few percent are chance.
  expect(winner([offerOf(0, { gflops: 90, ...hours(91) }), offerOf(1, hours(97))])).toBe(providerAt(0));
});

test("work spreads over providers before any gets a second unit", () => {
  const offers = [0, 1, 2].map((i) => offerOf(i, { slots: 4, cpuMillicores: 4_000, memoryBytes: 4 * GiB }));
  const demands = ["a", "b", "c"].map((id) => demandOf(id));
  expect(new Set(planOf(offers, demands).assignments.map(({ provider }) => provider)).size).toBe(3);
});

test("a demand that only one provider fits gets it, whatever the others ask", () => {
  const large = offerOf(0, { memoryBytes: 4 * GiB, gflops: 90 });
  const made = planOf([large, offerOf(1)], [demandOf("a"), demandOf("b", { memoryBytes: 3 * GiB })]);
  expect(made.unplaced).toEqual([]);
});

test("ties are drawn by the seed, so that the same provider is not always first", () => {
  const offers = providers.map((_, i) => offerOf(i));
  const firsts = Array.from(
    { length: 64 },
    (_, seed) => planOf(offers, [demandOf("unit")], seed).assignments[0],
  );
  expect(new Set(firsts.map((first) => first?.provider)).size).toBeGreaterThan(4);
});

const arbOffer = fc.record({
  slots: fc.integer({ min: 0, max: 4 }),
  busySlots: fc.integer({ min: 0, max: 5 }),
  cpuMillicores: fc.integer({ min: 0, max: 4_000 }),
  memoryBytes: fc.integer({ min: 0, max: 4 * GiB }),
  diskBytes: fc.integer({ min: 0, max: 100 }),
  gflops: fc.integer({ min: 0, max: 100 }),
  connected: fc.boolean(),
  lastSeenUnixMs: fc.integer({ min: NOW - 60_000, max: NOW + 60_000 }),
  recentFaults: fc.nat({ max: 2 }),
  heldShards: fc.subarray(shards).map((held) => new Set(held)),
});
const arbDemand = fc.record({
  cpuMillicores: fc.integer({ min: 0, max: 2_000 }),
  memoryBytes: fc.integer({ min: 0, max: 2 * GiB }),
  diskBytes: fc.integer({ min: 0, max: 60 }),
  shards: fc.subarray(shards),
  excluded: fc.subarray(providers, { maxLength: 3 }),
});
const arbSnapshot: fc.Arbitrary<Snapshot> = fc.record({
  nowUnixMs: fc.constant(NOW),
  offers: fc
    .array(arbOffer, { maxLength: providers.length })
    .map((offers) => offers.map((offer, i) => offerOf(i, offer))),
  demands: fc
    .array(arbDemand, { maxLength: 12 })
    .map((demands) => demands.map((demand, i) => ({ ...demand, id: `unit ${i}` }))),
  seed: fc.nat({ max: 0xffffffff }),
});

/** What each provider was given. */
function given({ offers, demands }: Snapshot, made: ReturnType<typeof plan>) {
  const demandById = new Map(demands.map((demand) => [demand.id, demand]));
  return offers.map((offer) => ({
    offer,
    left: capacityLeft(offer),
    mine: made.assignments
      .filter(({ provider }) => provider === offer.provider)
      .map(({ demand }) => demandById.get(demand) ?? expect.fail(`no demand ${demand}`)),
  }));
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

test("a plan never exceeds what a provider has left, and never uses one that is away, stale or excluded", () => {
  fc.assert(
    fc.property(arbSnapshot, (snapshot) => {
      for (const { offer, left, mine } of given(snapshot, plan(snapshot))) {
        expect(mine.length).toBeLessThanOrEqual(left.slots);
        expect(sum(mine.map(({ cpuMillicores }) => cpuMillicores))).toBeLessThanOrEqual(left.cpuMillicores);
        expect(sum(mine.map(({ memoryBytes }) => memoryBytes))).toBeLessThanOrEqual(left.memoryBytes);
        expect(sum(mine.map(({ diskBytes }) => diskBytes ?? 0))).toBeLessThanOrEqual(left.diskBytes);
        expect(mine.some(({ excluded }) => excluded?.includes(offer.provider))).toBe(false);
        if (mine.length > 0)
          expect(offer.connected && NOW - offer.lastSeenUnixMs <= OFFER_STALE_MS).toBe(true);
      }
    }),
  );
});

test("every demand is placed once or explained, and every provider assigned or explained", () => {
  fc.assert(
    fc.property(arbSnapshot, (snapshot) => {
      const made = plan(snapshot);
      const placed = made.assignments.map(({ demand }) => demand);
      const unplaced = made.unplaced.map(({ demand }) => demand);
      expect([...placed, ...unplaced].sort()).toEqual(snapshot.demands.map(({ id }) => id).sort());
      const chosen = new Set(made.assignments.map(({ provider }) => provider));
      const explained = made.notChosen.map(({ provider }) => provider);
      expect([...chosen, ...explained].sort()).toEqual(
        snapshot.offers.map(({ provider }) => provider).sort(),
      );
      for (const { reason, sentence } of made.notChosen) {
        expect(REASON_CODES).toContain(reason);
        expect(sentence.length).toBeGreaterThan(5);
      }
      for (const { reasons } of made.unplaced) {
        expect(sum(reasons.map((reason) => reason.providers))).toBe(snapshot.offers.length);
      }
    }),
  );
});

test("no demand is unplaced while a provider that fits it is free", () => {
  fc.assert(
    fc.property(arbSnapshot, (snapshot) => {
      const made = plan(snapshot);
      const unplaced = new Set(made.unplaced.map(({ demand }) => demand));
      for (const { offer, left, mine } of given(snapshot, made)) {
        left.slots -= mine.length;
        left.cpuMillicores -= sum(mine.map(({ cpuMillicores }) => cpuMillicores));
        left.memoryBytes -= sum(mine.map(({ memoryBytes }) => memoryBytes));
        left.diskBytes -= sum(mine.map(({ diskBytes }) => diskBytes ?? 0));
        for (const demand of snapshot.demands) {
          if (unplaced.has(demand.id)) expect(refusalOf(offer, left, demand, NOW)).toBeDefined();
        }
      }
    }),
  );
});

test("the same snapshot gives the same plan, in whatever order its lists come", () => {
  fc.assert(
    fc.property(arbSnapshot, (snapshot) => {
      const made = plan(snapshot);
      expect(plan(snapshot)).toEqual(made);
      const turned = {
        ...snapshot,
        offers: snapshot.offers.toReversed(),
        demands: snapshot.demands.toReversed(),
      };
      expect(plan(turned).assignments).toEqual(made.assignments);
    }),
  );
});
