/**
 * A peer network in memory: the same channels over pipes whose weather a test or a simulator makes.
 *
 * Chance comes from a seeded prng and time from a clock, so a run can be replayed. A stream is
 * reliable, so a lost chunk is never skipped: it breaks its connection, as it would on TCP.
 */
import { type Clock, type KeyPair, type Log, type NodeId, type Prng, parseNodeId } from "@pingo/core";
import { silentLog } from "@pingo/core/testing";
import { createChannel } from "../channel.ts";
import { NetworkError } from "../network-error.ts";
import { CHANNEL_LIMITS, type Channel, type ChannelLimits, type PeerHost } from "../peer-host.ts";
import type { Pipe, PipeListener } from "../pipe.ts";

export interface Weather {
  /** Of one chunk, one way. */
  readonly delayMs: number;
  /** Added to the delay, drawn anew for each chunk; order is kept. */
  readonly jitterMs: number;
  /** Chance that a chunk is lost, and its connection with it. */
  readonly dropRate: number;
}

export interface MemoryNetworkOptions {
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log?: Log;
  readonly limits?: Partial<ChannelLimits>;
}

export interface MemoryNetwork {
  host(key: KeyPair): PeerHost;
  setWeather(weather: Partial<Weather>): void;
  /** Nothing passes between the two any more, and nobody is told: a cable that was pulled. */
  partition(a: NodeId, b: NodeId): void;
  /** What was sent meanwhile stays lost, so broken conversations end; new ones work. */
  heal(a: NodeId, b: NodeId): void;
  /** Every connection of this node breaks at once, as when its process is killed. */
  crash(node: NodeId): void;
}

interface Member {
  readonly id: NodeId;
  readonly acceptByProtocol: Map<string, (channel: Channel) => void>;
  isOpen: boolean;
}

const CALM: Weather = { delayMs: 0, jitterMs: 0, dropRate: 0 };

export function createMemoryNetwork(options: MemoryNetworkOptions): MemoryNetwork {
  const fabric = new Fabric(options);
  return {
    host: (key) => createMemoryHost(fabric, key.nodeId),
    setWeather: (weather) => {
      fabric.weather = { ...fabric.weather, ...weather };
    },
    partition: (a, b) => void fabric.cut.add(pairOf(a, b)),
    heal: (a, b) => void fabric.cut.delete(pairOf(a, b)),
    crash: (node) => fabric.crash(node),
  };
}

class Fabric {
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Log;
  readonly limits: ChannelLimits;
  readonly members: Member[] = [];
  readonly links = new Set<Link>();
  readonly cut = new Set<string>();
  weather = CALM;

  constructor({ clock, prng, log = silentLog, limits }: MemoryNetworkOptions) {
    this.clock = clock;
    this.prng = prng;
    this.log = log;
    this.limits = { ...CHANNEL_LIMITS, ...limits };
  }

  isCut(a: NodeId, b: NodeId): boolean {
    return this.cut.has(pairOf(a, b));
  }

  crash(node: NodeId): void {
    for (const link of [...this.links]) if (link.joins(node)) link.break("the peer is gone");
  }

  channel(pipe: Pipe, peer: NodeId): Channel {
    return createChannel(pipe, { peer, clock: this.clock, log: this.log, limits: this.limits });
  }
}

function createMemoryHost(fabric: Fabric, id: NodeId): PeerHost {
  const member: Member = { id, acceptByProtocol: new Map(), isOpen: true };
  const place = fabric.members.push(member) - 1;
  const channels = new Set<Channel>();
  const keep = (channel: Channel): Channel => {
    channels.add(channel);
    void channel.closed.then(() => channels.delete(channel));
    return channel;
  };
  return {
    id,
    addresses: [`/memory/${place}/p2p/${id}`],
    async dial(address, protocol, options = {}) {
      options.signal?.throwIfAborted();
      if (!member.isOpen) throw new NetworkError({ code: "HOST_CLOSED" });
      const { other, expected } = findMember(fabric, address);
      if (fabric.isCut(id, expected)) {
        // A cut line answers nothing: the dialler waits as long as a real one would.
        await fabric.clock.sleep(fabric.limits.requestTimeoutMs, options);
      }
      if (!other?.isOpen || fabric.isCut(id, expected)) {
        throw new NetworkError({ code: "PEER_UNREACHABLE", address, why: "nobody listens there" });
      }
      if (other.id !== expected) throw new NetworkError({ code: "PEER_ID_MISMATCH", address, expected });
      const accept = other.acceptByProtocol.get(protocol);
      if (!accept) throw new NetworkError({ code: "PROTOCOL_UNSUPPORTED", peer: expected, protocol });
      const link = new Link(fabric, id, other.id);
      accept(fabric.channel(link.pipe(1), id));
      return keep(fabric.channel(link.pipe(0), expected));
    },
    handle: (protocol, accept) =>
      void member.acceptByProtocol.set(protocol, (channel) => accept(keep(channel))),
    async [Symbol.asyncDispose]() {
      member.isOpen = false;
      await Promise.all([...channels].map((channel) => channel[Symbol.asyncDispose]()));
      fabric.crash(id);
    },
  };
}

/** Both directions of one connection. */
class Link {
  readonly #fabric: Fabric;
  readonly #ends: readonly [NodeId, NodeId];
  readonly #listeners: [PipeListener | null, PipeListener | null] = [null, null];
  readonly #early: readonly [Uint8Array[], Uint8Array[]] = [[], []];
  /** One tail for each direction keeps order whatever the jitter. */
  readonly #tails: [Promise<void>, Promise<void>] = [Promise.resolve(), Promise.resolve()];
  #isOpen = true;

  constructor(fabric: Fabric, dialler: NodeId, listener: NodeId) {
    this.#fabric = fabric;
    this.#ends = [dialler, listener];
    fabric.links.add(this);
  }

  joins(node: NodeId): boolean {
    return this.#ends.includes(node);
  }

  pipe(side: 0 | 1): Pipe {
    const far = side === 0 ? 1 : 0;
    return {
      send: (bytes) => {
        this.#carry(far, bytes.slice());
        return true;
      },
      drained: () => Promise.resolve(),
      open: (listener) => {
        this.#listeners[side] = listener;
        for (const chunk of this.#early[side].splice(0)) listener.received(chunk);
      },
      close: async () => {
        await this.#tails[far];
        this.#end(null);
      },
      abort: (reason) => this.break(reason.message),
    };
  }

  break(why: string): void {
    this.#end(why);
  }

  #carry(to: 0 | 1, chunk: Uint8Array): void {
    const { weather, prng, clock } = this.#fabric;
    const isLost = weather.dropRate > 0 && prng.float() < weather.dropRate;
    const jitterMs = weather.jitterMs > 0 ? prng.float() * weather.jitterMs : 0;
    const dueMs = clock.monotonicMs() + weather.delayMs + jitterMs;
    this.#tails[to] = this.#tails[to].then(async () => {
      const waitMs = dueMs - clock.monotonicMs();
      if (waitMs > 0) await clock.sleep(waitMs);
      if (!this.#isOpen) return;
      if (this.#fabric.isCut(...this.#ends)) return; // swallowed without a word
      if (isLost) return this.break("a chunk was lost");
      const listener = this.#listeners[to];
      if (listener) listener.received(chunk);
      else this.#early[to].push(chunk);
    });
  }

  #end(lost: string | null): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#fabric.links.delete(this);
    if (this.#fabric.isCut(...this.#ends)) return; // nobody is told across a cut line
    for (const listener of this.#listeners) listener?.ended(lost);
  }
}

function findMember(fabric: Fabric, address: string): { other: Member | undefined; expected: NodeId } {
  const match = /^\/memory\/(\d+)\/p2p\/(\w+)$/.exec(address);
  const [, place, id] = match ?? [];
  if (!place || !id) {
    const why = "a memory network has only /memory/N/p2p/ID";
    throw new NetworkError({ code: "ADDRESS_INVALID", address: address.slice(0, 120), why });
  }
  return { other: fabric.members[Number(place)], expected: parseNodeId(id) };
}

function pairOf(a: NodeId, b: NodeId): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}
