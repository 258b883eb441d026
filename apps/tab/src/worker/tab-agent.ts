/**
 * The agent in a tab: a key and an outbox in the browser's own database, blocks in memory, units in Web Workers, and
 * the session that every provider has with its fog node.
 */
import {
  createTicketedFetch,
  type FogNodeView,
  type KeyPair,
  keyPairOfSeed,
  type Log,
  type Offer,
  type Ports,
} from "@pingo/core";
import { createMemoryCache, Delivery, LeaseRunner, openFileOutbox, Session } from "@pingo/lending";
import { createPageHost } from "@pingo/network/browser";
import { createCachedBlocks, createHttpBlocks } from "@pingo/storage";
import { decideTab } from "../lend-decision.ts";
import type { TabState, TabStatus, ToWorker } from "../protocol.ts";
import { createEarnings } from "./earnings.ts";
import { TabSlot } from "./tab-slot.ts";
import { openTally } from "./tally.ts";

export interface TabAgentOptions {
  readonly first: ToWorker;
  readonly ports: Ports;
  /** What the browser says of the computer. */
  readonly machine: TabMachine;
}

export interface TabMachine {
  readonly cores: number;
  /** Undefined where the browser does not tell. */
  readonly memoryBytes: number | undefined;
}

export interface TabAgent extends AsyncDisposable {
  readonly status: TabStatus;
  /** The owner chose otherwise, or something was seen. */
  heed(message: Pick<ToWorker, "policy" | "signals">): void;
  /** Rejects with what it cannot go on from. */
  readonly ended: Promise<void>;
}

const MIB = 2 ** 20;
const SEED_BYTES = 32;
const KEY_PATH = "key";
const OUTBOX = "outbox";
/** Of all units, for their blocks; rows and session come on top. */
const CACHE_BYTES = 256 * MIB;
/** Lent of a computer that does not tell what it has, and the most of one that does: WebAssembly has 4 GiB in all. */
const MEMORY_BYTES = 512 * MIB;
const MEMORY_BYTES_MAX = 2_048 * MIB;
const MEMORY_SHARE = 0.25;
const MILLICORES_PER_SLOT = 1_000;

export async function startTabAgent({ first, ports, machine }: TabAgentOptions): Promise<TabAgent> {
  const { clock, prng, disk, fetch } = ports;
  await using owned = new AsyncDisposableStack();
  let state: TabState = "connecting";
  let problem: string | null = null;
  const tally = await openTally(disk);
  const log = listening(ports.log, {
    problem: (message) => {
      problem = message;
    },
    acknowledged: () => {
      tally.acknowledge();
      earnings.refresh();
    },
  });
  const key = await openKey(ports);
  const earnings = createEarnings({ fogUrl: first.fogUrl, provider: key.nodeId, fetch, log });
  const outbox = await openFileOutbox({ folder: OUTBOX, disk, log });
  const cache = createMemoryCache(CACHE_BYTES);
  const tickets = createTicketedFetch(fetch, { key, clock });
  const remote = createHttpBlocks({ baseUrl: first.fogUrl, fetch: tickets.fetch, clock });
  const slots = Array.from({ length: machine.cores }, () =>
    owned.use(new TabSlot({ clock, wasmUrl: first.wasmUrl })),
  );
  const host = owned.use(await createPageHost({ key, log, clock }));
  const delivery = new Delivery({ outbox, remote, clock, prng, log });
  const runner = new LeaseRunner({
    ...{ key, slots, size: first.policy.cores, cache, outbox, clock, log },
    blocks: createCachedBlocks(cache, remote, { log }),
    run: (slot, lease, options) =>
      slot.run(lease, { blocks: cache, update: outbox.updateOf(lease.id) }, options),
    shardBytesMax: () => CACHE_BYTES,
    onResult: (outcome) => {
      void tally
        .add(outcome)
        .catch((error: unknown) => log.error("tally_unwritten", { error: String(error) }));
      delivery.wake();
    },
    onRelease: (lease, reason, isOwners) => session.release([lease], reason, isOwners),
  });
  let { policy } = first;
  let decision = decideTab(first.signals, policy);
  const session: Session = new Session({
    ...{ fogUrl: first.fogUrl, host, runner, outbox, delivery, fetch, clock, prng, log },
    offer: async () =>
      offerOf({ key, machine, slots: decision.lends ? runner.slots : 0, nowUnixMs: clock.nowUnixMs() }),
    onFog: (fog) => tickets.uploadTo(fog),
    onState: (next) => {
      state = next;
      if (next !== "online") return;
      problem = null;
      earnings.refresh();
    },
    addressesOf: (view) => addressesFrom(view, first.fogUrl),
  });
  const ended = session.run();
  if (!decision.lends) runner.vacate();
  const resources = owned.move();
  return {
    ended,
    get status() {
      return {
        ...{ state, decision, problem },
        provider: key.nodeId,
        units: runner.units(),
        done: tally.done,
        earnedNano: earnings.earnedNano,
      };
    },
    heed(message) {
      const before = { lends: decision.lends, cores: policy.cores };
      policy = message.policy;
      decision = decideTab(message.signals, policy);
      if (decision.lends === before.lends && policy.cores === before.cores) return;
      if (decision.lends) runner.recall();
      else runner.vacate();
      // What runs on cores taken back is handed in; what is offered follows.
      void runner.resize(policy.cores).then(() => session.renewOffer());
    },
    async [Symbol.asyncDispose]() {
      await session.leave();
      await resources.disposeAsync();
    },
  };
}

interface OfferInputs {
  readonly key: KeyPair;
  readonly machine: TabMachine;
  readonly slots: number;
  readonly nowUnixMs: number;
}

function offerOf({ key, machine, slots, nowUnixMs }: OfferInputs): Offer {
  const share = machine.memoryBytes === undefined ? MEMORY_BYTES : machine.memoryBytes * MEMORY_SHARE;
  return {
    provider: key.nodeId,
    slots,
    cpuMillicores: slots * MILLICORES_PER_SLOT,
    memoryBytes: slots === 0 ? 0 : Math.floor(Math.min(share, MEMORY_BYTES_MAX)),
    diskBytes: CACHE_BYTES,
    gflops: 0, // unknown: the engine is only loaded with the first unit
    measuredAtUnixMs: nowUnixMs,
  };
}

/** Those at the name that this page came from first: a station names all of its machine's. */
function addressesFrom({ web }: FogNodeView, fogUrl: string): readonly string[] {
  const { hostname, protocol } = new URL(fogUrl);
  const addresses = web?.addresses ?? [];
  // A page that came over https may not dial without.
  const allowed = protocol === "https:" ? addresses.filter((one) => one.includes("/tls/")) : addresses;
  const isNear = (address: string): boolean => address.split("/").includes(hostname);
  return [...allowed.filter(isNear), ...allowed.filter((address) => !isNear(address))];
}

/** This browser's own key, drawn at the first visit. */
async function openKey({ disk, prng }: Ports): Promise<KeyPair> {
  const found = await disk.read(KEY_PATH);
  if (found?.byteLength === SEED_BYTES) return keyPairOfSeed(found);
  const seed = prng.bytes(SEED_BYTES);
  await disk.write(KEY_PATH, seed);
  return keyPairOfSeed(seed);
}

interface Heard {
  problem(message: string): void;
  acknowledged(): void;
}

/** The same log, heard: warnings are what the page shows as a problem. */
function listening(log: Log, heard: Heard): Log {
  const listen =
    (level: "error" | "warn"): Log["warn"] =>
    (event, fields) => {
      log[level](event, fields);
      heard.problem(String(fields?.["message"] ?? fields?.["error"] ?? event));
    };
  return {
    debug: log.debug,
    warn: listen("warn"),
    error: listen("error"),
    info(event, fields) {
      log.info(event, fields);
      if (event === "result_acknowledged") heard.acknowledged();
    },
  };
}
