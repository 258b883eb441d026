/**
 * Matches demands to offers, and says of every provider and every demand left over why.
 *
 * Pure: same snapshot, same plan. Demands that few providers fit go first, then the largest; each
 * takes the best placed provider that still has room, so none stays unplaced while one would fit it.
 * Best placed: fewest recent faults, freshest, holds most of the shards, least loaded, most likely to stay at this
 * hour, fastest; ties by a draw of the snapshot's seed, so that no id is always first.
 */
import { assert, assertDefined, availabilityAt, mixSeed, type NodeId } from "@pingo/core";
import { type Demand, shardsHeld, takeFrom } from "./demand.ts";
import { ageMs, type Capacity, capacityLeft, FRESHNESS_BUCKET_MS, type OfferState } from "./offer.ts";
import {
  noDemand,
  outranked,
  REASON_CODES,
  type Reason,
  type ReasonCode,
  refusalOf,
  refusalOfAny,
} from "./reasons.ts";

export interface Snapshot {
  readonly nowUnixMs: number;
  /** One per provider. */
  readonly offers: readonly OfferState[];
  readonly demands: readonly Demand[];
  readonly seed: number;
}

export interface Plan {
  readonly assignments: readonly Assignment[];
  readonly unplaced: readonly Unplaced[];
  readonly notChosen: readonly NotChosen[];
}

export interface Assignment {
  readonly demand: string;
  readonly provider: NodeId;
}

export interface Unplaced {
  readonly demand: string;
  /** Each code once, with how many providers it keeps away; empty when there are no providers. */
  readonly reasons: readonly (Reason & { readonly providers: number })[];
}

export interface NotChosen extends Reason {
  readonly provider: NodeId;
}

/** A provider while a plan is made. */
interface Candidate {
  readonly offer: OfferState;
  readonly before: Capacity;
  readonly left: Capacity;
  readonly draw: number;
  assigned: number;
}

export function plan(snapshot: Snapshot): Plan {
  const candidates = snapshot.offers.map((offer) => candidateOf(offer, snapshot.seed));
  assertUnique(snapshot.offers.map((offer) => offer.provider));
  assertUnique(snapshot.demands.map((demand) => demand.id));
  const assignments: Assignment[] = [];
  const unplaced: Demand[] = [];
  for (const demand of inOrder(snapshot.demands, candidates, snapshot.nowUnixMs)) {
    const best = bestFor(demand, candidates, snapshot.nowUnixMs);
    if (!best) {
      unplaced.push(demand);
      continue;
    }
    takeFrom(best.left, demand);
    best.assigned += 1;
    assignments.push({ demand: demand.id, provider: best.offer.provider });
  }
  return {
    assignments,
    unplaced: unplaced.map((demand) => explainDemand(demand, candidates, snapshot.nowUnixMs)),
    notChosen: candidates
      .filter((candidate) => candidate.assigned === 0)
      .map((candidate) => ({
        provider: candidate.offer.provider,
        ...explainProvider(candidate, snapshot.demands, snapshot.nowUnixMs),
      })),
  };
}

function candidateOf(offer: OfferState, seed: number): Candidate {
  const words = Array.from(offer.provider, (letter) => letter.codePointAt(0) ?? 0);
  return {
    offer,
    before: capacityLeft(offer),
    left: capacityLeft(offer),
    draw: mixSeed(seed, ...words),
    assigned: 0,
  };
}

/** The hardest to place first. */
function inOrder(demands: readonly Demand[], candidates: readonly Candidate[], nowUnixMs: number): Demand[] {
  const fitting = new Map(
    demands.map((demand) => [
      demand.id,
      candidates.filter(({ offer, before }) => !refusalOf(offer, before, demand, nowUnixMs)).length,
    ]),
  );
  return [...demands].sort(
    (a, b) =>
      (fitting.get(a.id) ?? 0) - (fitting.get(b.id) ?? 0) ||
      b.memoryBytes - a.memoryBytes ||
      b.cpuMillicores - a.cpuMillicores ||
      compareText(a.id, b.id),
  );
}

function bestFor(demand: Demand, candidates: readonly Candidate[], nowUnixMs: number): Candidate | undefined {
  let best: Candidate | undefined;
  for (const candidate of candidates) {
    if (refusalOf(candidate.offer, candidate.left, demand, nowUnixMs)) continue;
    if (!best || comparePlacement(candidate, best, demand, nowUnixMs) < 0) best = candidate;
  }
  return best;
}

/** Negative when `a` is better placed for the demand. */
function comparePlacement(a: Candidate, b: Candidate, demand: Demand, nowUnixMs: number): number {
  return (
    a.offer.recentFaults - b.offer.recentFaults ||
    bucketOf(a, nowUnixMs) - bucketOf(b, nowUnixMs) ||
    shardsHeld(demand, b.offer) - shardsHeld(demand, a.offer) ||
    loadOf(a) - loadOf(b) ||
    staying(b, nowUnixMs) - staying(a, nowUnixMs) ||
    b.offer.gflops - a.offer.gflops ||
    a.draw - b.draw ||
    compareText(a.offer.provider, b.offer.provider)
  );
}

function bucketOf(candidate: Candidate, nowUnixMs: number): number {
  return Math.floor(ageMs(candidate.offer, nowUnixMs) / FRESHNESS_BUCKET_MS);
}

/**
 * Whether its owner lets it work at this hour, in quarters: learned from weeks, so it is coarse, and coarse is enough
 * to tell a server from a laptop before supper. Who is not known yet counts as one who stays.
 */
function staying({ offer }: Candidate, nowUnixMs: number): number {
  return Math.round((availabilityAt(offer.terms, nowUnixMs) ?? 100) / 25);
}

/** Share of its slots that are taken: a round is as slow as its most loaded provider. */
function loadOf(candidate: Candidate): number {
  return 1 - candidate.left.slots / candidate.offer.slots;
}

function explainDemand(demand: Demand, candidates: readonly Candidate[], nowUnixMs: number): Unplaced {
  const tally = new Map<ReasonCode, { sentence: string; providers: number }>();
  for (const { offer, left } of candidates) {
    const refusal = refusalOf(offer, left, demand, nowUnixMs);
    const { reason, sentence } = assertDefined(
      refusal,
      `${demand.id} fits ${offer.provider} but is unplaced`,
    );
    const row = tally.get(reason);
    if (row) row.providers += 1;
    else tally.set(reason, { sentence, providers: 1 });
  }
  const reasons = REASON_CODES.flatMap((reason) => {
    const row = tally.get(reason);
    return row ? [{ reason, ...row }] : [];
  });
  return { demand: demand.id, reasons };
}

/** The reason that stood nearest to success: the last of the checks that stopped it, over all demands. */
function explainProvider(candidate: Candidate, demands: readonly Demand[], nowUnixMs: number): Reason {
  const { offer, before } = candidate;
  let nearest: Reason | undefined;
  for (const demand of demands) {
    const reason = refusalOf(offer, before, demand, nowUnixMs) ?? outranked(demand);
    if (!nearest || rankOf(reason) > rankOf(nearest)) nearest = reason;
  }
  return nearest ?? explainIdle(candidate, nowUnixMs);
}

/** Without demands, a provider that could work has nothing to do; one that could not still hears why. */
function explainIdle({ offer, before }: Candidate, nowUnixMs: number): Reason {
  return refusalOfAny(offer, before, nowUnixMs) ?? noDemand();
}

function rankOf({ reason }: Reason): number {
  return REASON_CODES.indexOf(reason);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function assertUnique(ids: readonly string[]): void {
  assert(new Set(ids).size === ids.length, "a snapshot names each provider and each demand once");
}
