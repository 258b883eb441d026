/** Who has joined this station since it started: their offers, their channels, and their faults. */
import {
  type Cid,
  type Clock,
  type FogRequest,
  isRunUnit,
  type NodeId,
  type Offer,
  type OfferTotals,
  type ProviderView,
  parseShape,
  type Shard,
  zFogAnswers,
} from "@pingo/core";
import type { Channel } from "@pingo/network";
import type { OfferState } from "@pingo/scheduler";
import { listProviders, saveProvider } from "../database/provider-store.ts";
import type { Sql } from "../database/schema.ts";
import { FogError } from "../fault.ts";

/** A fault counts against a provider this long. */
const FAULT_MS = 60_000;
/** After a fault it is left alone this long, doubling with each: one that refuses at once is not asked in a loop. */
const REST_MS_MIN = 1_000;
const REST_MS_MAX = 8_000;
/** Of one lease or revoke: a provider that is there answers at once. */
const ASK_TIMEOUT_MS = 5_000;
/** Offers are kept in memory; the least recently seen of those that left make room. */
const PROVIDERS_MAX = 10_000;
/** Of one provider: enough to tell whose share of a dataset it has, and small for all providers together. */
const HELD_SHARDS_MAX = 128;

interface Member {
  offer: Offer;
  readonly instance: string;
  channel: Channel | null;
  lastSeenUnixMs: number;
  faultsAtMs: number[];
  /** Shards of the leases it took, the latest last: most likely they are in its cache. */
  readonly heldShards: Set<Cid>;
}

export interface ProviderRegistryOptions {
  readonly sql: Sql;
  readonly clock: Clock;
  /** Leases held now, of all jobs. */
  readonly leasesOf: (provider: NodeId) => number;
  /** undefined where no stake is asked for. */
  readonly hasStake: (provider: NodeId) => boolean | undefined;
}

export class ProviderRegistry {
  readonly #options: ProviderRegistryOptions;
  /** Least recently joined first. */
  readonly #memberById = new Map<NodeId, Member>();

  constructor(options: ProviderRegistryOptions) {
    this.#options = options;
  }

  /**
   * A process that comes back takes the place of its own earlier channel. Another one with the same key does
   * not: each would push the other out for ever, and what they hold with it.
   *
   * @returns the channel that this one takes the place of
   * @throws {FogError} KEY_IN_USE
   */
  async join(channel: Channel, instance: string, offer: Offer): Promise<Channel | null> {
    this.#checkAlone(channel.peer, instance);
    const lastSeenUnixMs = this.#options.clock.nowUnixMs();
    await saveProvider(this.#options.sql, offer, lastSeenUnixMs);
    this.#checkAlone(channel.peer, instance); // both may have come meanwhile
    const before = this.#memberById.get(channel.peer);
    this.#memberById.delete(channel.peer);
    this.#memberById.set(channel.peer, {
      offer,
      instance,
      channel,
      lastSeenUnixMs,
      faultsAtMs: before?.faultsAtMs ?? [],
      heldShards: before?.heldShards ?? new Set(),
    });
    this.#makeRoom();
    return before?.channel && before.channel !== channel ? before.channel : null;
  }

  /** The member stays: it may come back for what it holds. */
  leave(channel: Channel): void {
    const member = this.#memberById.get(channel.peer);
    if (member?.channel === channel) member.channel = null;
  }

  isCurrent(channel: Channel): boolean {
    return this.#memberById.get(channel.peer)?.channel === channel;
  }

  saw(id: NodeId, offer?: Offer): void {
    const member = this.#memberById.get(id);
    if (!member) return;
    member.lastSeenUnixMs = this.#options.clock.nowUnixMs();
    if (offer) member.offer = offer;
  }

  noteFault(id: NodeId): void {
    const now = this.#options.clock.monotonicMs();
    const member = this.#memberById.get(id);
    if (member) member.faultsAtMs = [...this.#recentFaults(member), now];
  }

  /** Its owner took the computer back: it gets nothing until it says anew what it offers. */
  reclaimed(id: NodeId): void {
    const member = this.#memberById.get(id);
    if (member) member.offer = { ...member.offer, slots: 0 };
  }

  offers(): readonly OfferState[] {
    const now = this.#options.clock.monotonicMs();
    const members = [...this.#memberById].filter(([id]) => this.#options.hasStake(id) !== false);
    return members.map(([id, member]) => {
      const faults = this.#recentFaults(member);
      const restMs = Math.min(REST_MS_MAX, REST_MS_MIN * 2 ** (faults.length - 1));
      const isResting = now - (faults.at(-1) ?? Number.NEGATIVE_INFINITY) < restMs;
      return {
        ...member.offer,
        connected: member.channel !== null,
        busySlots: isResting ? member.offer.slots : this.#options.leasesOf(id),
        lastSeenUnixMs: member.lastSeenUnixMs,
        heldShards: member.heldShards,
        recentFaults: faults.length,
      };
    });
  }

  /** @throws {FaultError} when it is not there, does not answer, or refuses */
  async ask(id: NodeId, request: FogRequest): Promise<void> {
    const channel = this.#memberById.get(id)?.channel;
    if (!channel) throw new FogError({ code: "PROVIDER_GONE", provider: id });
    try {
      const answer = await channel.request(request, { timeoutMs: ASK_TIMEOUT_MS });
      parseShape(zFogAnswers[request.type], answer, `the answer to ${request.type}`);
      if (request.type === "lease" && !isRunUnit(request.lease.unit))
        this.#noteShards(id, request.lease.unit.shards);
    } catch (error) {
      if (request.type === "lease") this.noteFault(id);
      throw error;
    }
  }

  #noteShards(id: NodeId, shards: readonly Shard[]): void {
    const held = this.#memberById.get(id)?.heldShards;
    if (!held) return;
    for (const { cid } of shards) {
      held.delete(cid);
      held.add(cid);
    }
    for (const oldest of held) {
      if (held.size <= HELD_SHARDS_MAX) return;
      held.delete(oldest);
    }
  }

  /** Whether it said hello since the station began. */
  isKnown(id: NodeId): boolean {
    return this.#memberById.has(id);
  }

  /** Those who are connected. */
  present(): readonly NodeId[] {
    return [...this.#memberById].flatMap(([id, { channel }]) => (channel === null ? [] : [id]));
  }

  /** What it offered last; nothing of one that was never here since the station began. */
  lentBy(id: NodeId): { readonly millicores: number; readonly bytes: number } {
    const { cpuMillicores: millicores = 0, diskBytes: bytes = 0 } = this.#memberById.get(id)?.offer ?? {};
    return { millicores, bytes };
  }

  /** Of those who are connected. */
  totals(): OfferTotals {
    const connected = this.offers().filter((offer) => offer.connected);
    const sum = (of: (offer: OfferState) => number): number =>
      connected.reduce((total, offer) => total + of(offer), 0);
    return {
      slots: sum(({ slots }) => slots),
      freeSlots: sum(({ slots, busySlots }) => Math.max(0, slots - busySlots)),
      cpuMillicores: sum(({ cpuMillicores }) => cpuMillicores),
    };
  }

  async list(): Promise<readonly ProviderView[]> {
    const rows = await listProviders(this.#options.sql);
    return rows.map((row) => {
      const member = this.#memberById.get(row.id);
      const { slots, cpuMillicores, memoryBytes, diskBytes, gflops, terms } = member?.offer ?? row.offer;
      const hasStake = this.#options.hasStake(row.id);
      return {
        id: row.id,
        connected: Boolean(member?.channel),
        slots,
        busySlots: this.#options.leasesOf(row.id),
        cpuMillicores,
        memoryBytes,
        diskBytes,
        gflops,
        ...(terms !== undefined && { terms }),
        lastSeenUnixMs: member?.lastSeenUnixMs ?? row.lastSeenUnixMs,
        unitsCounted: row.unitsCounted,
        ...(hasStake !== undefined && { hasStake }),
      };
    });
  }

  #checkAlone(provider: NodeId, instance: string): void {
    const member = this.#memberById.get(provider);
    if (member?.channel && member.instance !== instance) {
      throw new FogError({ code: "KEY_IN_USE", provider });
    }
  }

  #recentFaults({ faultsAtMs }: Member): number[] {
    const now = this.#options.clock.monotonicMs();
    return faultsAtMs.filter((atMs) => now - atMs < FAULT_MS);
  }

  #makeRoom(): void {
    for (const [id, { channel }] of this.#memberById) {
      if (this.#memberById.size <= PROVIDERS_MAX) return;
      if (channel === null) this.#memberById.delete(id);
    }
  }
}
