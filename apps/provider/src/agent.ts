/**
 * The agent on an idle computer: it owns a folder, a key, a cache, worker processes and the session
 * with its fog node, in this order, and lets go of them in the other.
 */
import { statfs } from "node:fs/promises";
import { availableParallelism, freemem } from "node:os";
import { join } from "node:path";
import type { KeyPair, Log, NodeId, Offer, Ports } from "@pingo/core";
import { createLibp2pHost } from "@pingo/network";
import type { OwnerDecision } from "@pingo/scheduler";
import { createCachedBlocks, createHttpBlocks, lockFolder } from "@pingo/storage";
import { openBlockCache } from "./block-cache.ts";
import type { ProviderConfig } from "./config.ts";
import { DayTally } from "./day-tally.ts";
import { Delivery } from "./delivery.ts";
import { openIdentity } from "./identity.ts";
import { LeaseRunner } from "./lease-runner.ts";
import { type Outbox, openOutbox } from "./outbox.ts";
import { Session } from "./session.ts";
import { keepStatusFile } from "./status-file.ts";
import { findLauncher } from "./worker/launcher.ts";
import { WorkerSlot, type WorkerSlotOptions } from "./worker/worker-slot.ts";

export type AgentState = "starting" | "connecting" | "online" | "stopping" | "stopped";

export interface Agent extends AsyncDisposable {
  readonly id: NodeId;
  readonly state: AgentState;
  /** Rejects on a bug; resolves once stopped. */
  readonly ended: Promise<void>;
}

/** Which state may follow which; anything else is not a change. */
const NEXT: { readonly [S in AgentState]: readonly AgentState[] } = {
  starting: ["connecting", "stopping"],
  connecting: ["online", "stopping"],
  online: ["connecting", "stopping"],
  stopping: ["stopped"],
  stopped: [],
};

/** One core for a unit: it trains on one thread. */
const MILLICORES_PER_SLOT = 1_000;

/** @throws {StorageError} FOLDER_IN_USE; {ProviderError} KEY_MALFORMED */
export async function startAgent(config: ProviderConfig, ports: Ports): Promise<Agent> {
  const { clock, prng, log, disk, fetch } = ports;
  await using owned = new AsyncDisposableStack();
  owned.use(await lockFolder(config.folder));
  const key = await openIdentity(config.folder, prng);
  const state = createStateLog(log);
  const outbox = owned.use(openOutbox(config.folder));
  await removeStrayUpdates(outbox, ports);
  const cacheBytesMax = config.cacheBytesMax;
  const cache = owned.use(openBlockCache({ folder: config.folder, disk, quotaBytes: cacheBytesMax, log }));
  const { workerEnvironment: environment, compileCache } = config;
  const folders = { blocks: cache.folder, updates: outbox.folder, compileCache };
  const launcher = await findLauncher({ environment, folders, log });
  const measured = measure({ purpose: "measure", launcher, clock, prng, log });
  // One after the other: what the measurement takes of memory is not there beside what training takes.
  const slots = Array.from({ length: config.slots }, () =>
    owned.use(new WorkerSlot({ purpose: "units", startsAfter: measured, launcher, clock, prng, log })),
  );
  const remote = createHttpBlocks({ baseUrl: config.fogUrl, fetch, clock });
  const host = owned.use(await createLibp2pHost({ key, listen: [], log, clock }));
  const tally = await DayTally.open({ folder: config.folder, clock, log });
  const delivery = new Delivery({ outbox, remote, disk, clock, prng, log });
  const runner = new LeaseRunner({
    key,
    slots,
    cache,
    blocks: createCachedBlocks(cache, remote, { log }),
    outbox,
    clock,
    log,
    shardBytesMax: () => Math.min(cacheBytesMax, freemem()),
    onResult: (outcome) => {
      tally.add(outcome);
      delivery.wake();
    },
    onRelease: (lease, reason) => session.release([lease], reason),
  });
  /** Nothing is offered before: a lease that waits for a worker keeps a whole round waiting. */
  let isWarm = false;
  let gflops = 0;
  const warden =
    config.policyPath === null
      ? undefined
      : owned.use(
          // Loaded where it is wanted: a provider without a policy stays smaller.
          await (await import("./owner/start-warden.ts")).startWarden({
            folder: config.folder,
            policyPath: config.policyPath,
            desktopEnvironment: config.desktopEnvironment,
            coresInSight: availableParallelism(),
            workforce: runner,
            clock,
            log,
            onChange: () => void session.renewOffer(),
          }),
        );
  const session: Session = new Session({
    fogUrl: config.fogUrl,
    host,
    runner,
    outbox,
    delivery,
    offer: async () => makeOffer({ key, runner, isWarm, gflops, config, ports, owner: warden?.decision }),
    fetch,
    clock,
    prng,
    log,
    onState: (next) => state.enter(next),
  });
  const offered = measured.then(async (found) => {
    gflops = found;
    await Promise.all(slots.map((slot) => slot.warm()));
    isWarm = true;
    await session.renewOffer();
  });
  const over = new AbortController();
  const told = keepStatusFile(
    {
      folder: config.folder,
      beside: async () => {
        tally.look(warden?.status()?.foreignMillicores ?? null);
        await tally.save("due");
      },
      status: () => ({
        atUnixMs: clock.nowUnixMs(),
        provider: key.nodeId,
        pid: process.pid,
        fog: config.fogUrl,
        isOnline: state.current === "online",
        busySlots: runner.running().length,
        units: runner.units(),
        today: tally.today(),
        refused: runner.refused,
        owner: warden?.status() ?? null,
      }),
      clock,
      log,
    },
    over.signal,
  );
  const ended = Promise.all([session.run(), offered, told, warden?.ended]).then(() => undefined);
  const resources = owned.move();
  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    state.enter("stopping");
    over.abort();
    await session.leave();
    await told;
    await tally.save("now");
    await resources.disposeAsync();
    state.enter("stopped");
  };
  return {
    id: key.nodeId,
    get state() {
      return state.current;
    },
    ended,
    [Symbol.asyncDispose]: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}

function createStateLog(log: Log): { readonly current: AgentState; enter(next: AgentState): void } {
  let current: AgentState = "starting";
  return {
    get current() {
      return current;
    },
    enter(next) {
      if (!NEXT[current].includes(next)) return;
      log.info("agent_state", { from: current, to: next });
      current = next;
    },
  };
}

/** In a worker of its own: what the measurement took of memory is gone with it. 0 stands for unknown. */
async function measure(options: WorkerSlotOptions): Promise<number> {
  try {
    await using slot = new WorkerSlot(options);
    return await slot.measure();
  } catch (error) {
    options.log.warn("measure_failed", { error: String(error) });
    return 0;
  }
}

interface OfferInputs {
  readonly key: KeyPair;
  readonly runner: LeaseRunner;
  readonly isWarm: boolean;
  readonly gflops: number;
  readonly config: ProviderConfig;
  readonly ports: Ports;
  /** Undefined where no policy is in force. */
  readonly owner: OwnerDecision | undefined;
}

async function makeOffer(inputs: OfferInputs): Promise<Offer> {
  const { key, runner, isWarm, gflops, config, ports, owner } = inputs;
  const { bavail, bsize } = await statfs(config.folder);
  const { slots, memoryBytes } = lentOf(isWarm ? runner.slots : 0, owner);
  return {
    provider: key.nodeId,
    slots,
    cpuMillicores: slots * MILLICORES_PER_SLOT,
    memoryBytes,
    diskBytes: Math.min(config.cacheBytesMax, bavail * bsize),
    gflops,
    measuredAtUnixMs: ports.clock.nowUnixMs(),
  };
}

/** No more slots than the owner lends cores; none while nothing new is taken. */
function lentOf(
  slots: number,
  owner: OwnerDecision | undefined,
): { readonly slots: number; readonly memoryBytes: number } {
  if (owner === undefined) return { slots, memoryBytes: freemem() };
  const { verdict, acceptsWork } = owner;
  if (!acceptsWork || !("cores" in verdict)) return { slots: 0, memoryBytes: 0 };
  return { slots: Math.min(slots, verdict.cores), memoryBytes: Math.min(freemem(), verdict.memoryBytes) };
}

/** Updates whose worker or agent was killed before the receipt was signed. */
async function removeStrayUpdates(outbox: Outbox, { disk }: Ports): Promise<void> {
  const waiting = new Set<string>(outbox.leases());
  for (const lease of await disk.list(outbox.folder)) {
    if (!waiting.has(lease)) await disk.remove(join(outbox.folder, lease));
  }
}
