/**
 * The agent on an idle computer: it owns a folder, a key, a cache, worker processes and the session
 * with its fog node, in this order, and lets go of them in the other.
 */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { createTicketedFetch, LIMITS, type Log, type NodeId, type Ports, WORK_KINDS } from "@pingo/core";
import { fullDiskOr } from "@pingo/core/system";
import { Delivery, LeaseRunner, Session } from "@pingo/lending";
import { createLibp2pHost } from "@pingo/network";
import { SIZE_FILE } from "@pingo/scheduler/status";
import { createCachedBlocks, createHttpBlocks, lockFolder } from "@pingo/storage";
import { openBlockCache } from "./block-cache.ts";
import { collectAtLeisure, collectAtRest } from "./collect.ts";
import type { ProviderConfig } from "./config.ts";
import { DayTally } from "./day-tally.ts";
import { openIdentity } from "./identity.ts";
import { Benchmark } from "./offer/benchmark.ts";
import { LendingHistory } from "./offer/lending-history.ts";
import { LinkMeter } from "./offer/link-meter.ts";
import { lentOf, makeOffer, type OfferInputs, offerStatusOf } from "./offer/make-offer.ts";
import { coresOf, sizeIn } from "./offer/size-file.ts";
import { openOutbox, type SqliteOutbox } from "./outbox.ts";
import { memoryOf, residentBytes } from "./owner/linux/memory.ts";
import { createOsView } from "./owner/os-view.ts";
import type { StartedWarden } from "./owner/start-warden.ts";
import { WatchedFile } from "./owner/watched-file.ts";
import { keepStatusFile } from "./status-file.ts";
import { findLauncher } from "./worker/launcher.ts";
import { removeUpdate } from "./worker/remove-update.ts";
import { MEMORY_SHARE_MAX } from "./worker/sandbox.ts";
import { type Control, openWorkerGroup } from "./worker/worker-group.ts";
import { WorkerGuard } from "./worker/worker-guard.ts";
import { WorkerSlot } from "./worker/worker-slot.ts";

export type AgentState = "starting" | "connecting" | "online" | "stopping" | "stopped";

export interface Agent extends AsyncDisposable {
  readonly id: NodeId;
  readonly state: AgentState;
  /** Before this process stands still itself, and once it goes on: nobody would watch for the owner meanwhile. */
  hold(isHeld: boolean): void;
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

/** @throws {StorageError} FOLDER_IN_USE; {ProviderError} KEY_MALFORMED */
export async function startAgent(config: ProviderConfig, ports: Ports): Promise<Agent> {
  const { clock, prng, log, disk, fetch } = ports;
  await using owned = new AsyncDisposableStack();
  owned.use(await lockFolder(config.folder));
  const key = await openIdentity(config.folder, prng);
  const state = createStateLog(log);
  const outbox = owned.use(openOutbox(config.folder, disk));
  await removeStrayUpdates(outbox, ports);
  const sizeFile = new WatchedFile(join(config.folder, SIZE_FILE), sizeIn, log);
  await sizeFile.refresh();
  const cores = Math.min(availableParallelism(), LIMITS.leasesPerProviderMax);
  const size = () => ({
    ...sizeFile.value,
    millicores: sizeFile.value.millicores ?? config.slots * 1_000,
  });
  const sizeCores = () => Math.min(cores, coresOf(size(), config.policyPath !== null));
  const cacheBytesMax = () => Math.min(config.cacheBytesMax, size().diskBytes ?? Number.POSITIVE_INFINITY);
  const cache = owned.use(openBlockCache({ folder: config.folder, disk, quotaBytes: cacheBytesMax, log }));
  const { workerEnvironment: environment, compileCache } = config;
  const folders = { blocks: cache.folder, updates: outbox.folder, compileCache };
  const os = createOsView({ root: "/", environment: {} });
  let warden: StartedWarden | undefined;
  // Who lends all, all the time, watches for himself who is to have the cores.
  const wanted: readonly Control[] = config.policyPath === null ? ["memory"] : ["memory", "cpu"];
  const group = await openWorkerGroup({ pid: process.pid, wanted, log });
  if (group) owned.use(group);
  /** The owner's word; what is free at a moment is the policy's business, and given back in order. */
  const workerBytesMax = (): number => {
    const share = warden?.policy.idle.memoryShareMax ?? MEMORY_SHARE_MAX;
    const bytesMax = share * memoryOf(os).totalBytes;
    return Math.floor(Math.min(bytesMax, size().memoryBytes ?? Number.POSITIVE_INFINITY));
  };
  const launcher = await findLauncher({ environment, folders, memoryBytesMax: workerBytesMax, group, log });
  const benchmark = owned.use(
    await Benchmark.open({
      folder: config.folder,
      openSlot: () => new WorkerSlot({ purpose: "measure", launcher, clock, prng, log }),
      clock,
      log,
    }),
  );
  const measured = benchmark.atStart();
  // One after the other: what the measurement takes of memory is not there beside what training takes.
  const slots = Array.from({ length: cores }, () =>
    owned.use(new WorkerSlot({ purpose: "units", startsAfter: measured, launcher, clock, prng, log })),
  );
  const link = new LinkMeter(clock);
  const tickets = createTicketedFetch(fetch, { key, clock });
  const remote = link.over(createHttpBlocks({ baseUrl: config.fogUrl, fetch: tickets.fetch, clock }));
  const host = owned.use(await createLibp2pHost({ key, listen: [], log, clock }));
  const tally = await DayTally.open({ folder: config.folder, clock, log });
  const history = owned.use(
    new LendingHistory({
      folder: config.folder,
      offsetMin: (unixMs) => -new Date(unixMs).getTimezoneOffset(),
    }),
  );
  const delivery = new Delivery({ outbox, remote, clock, prng, log });
  const runner = new LeaseRunner({
    key,
    slots,
    size: sizeCores(),
    kinds: WORK_KINDS,
    prepare: (slot, program) => slot.prepare(program, cache.folder),
    run: (slot, lease, options) => {
      const { id, unit } = lease;
      const folders = { blocksFolder: cache.folder, updateFolder: outbox.folderOf(id) };
      warden?.wake();
      const outcome = slot.run({ type: "run", lease: id, unit, ...folders }, options);
      collectAtLeisure(); // the worker has all it needs
      return outcome;
    },
    cache,
    blocks: createCachedBlocks(cache, remote, { log }),
    outbox,
    clock,
    log,
    shardBytesMax: () => Math.min(cacheBytesMax(), lentBytes()),
    memoryBytesMax: () => lentBytes(),
    onResult: (outcome) => {
      tally.add(outcome);
      delivery.wake();
    },
    onRelease: (lease, reason, isOwners) => session.release([lease], reason, isOwners),
    faultOf: (cause) => fullDiskOr(cache.folder, cause),
  });
  /** What the workers use of it is lent already. */
  const lentBytes = (): number => {
    const verdict = warden?.decision?.verdict;
    if (verdict !== undefined && "memoryBytes" in verdict) return verdict.memoryBytes;
    const usedBytes = runner.workers().reduce((sum, { pid }) => sum + residentBytes(os, pid), 0);
    return Math.min(memoryOf(os).availableBytes + usedBytes, workerBytesMax());
  };
  /** Nothing is offered before: a lease that waits for a worker keeps a whole round waiting. */
  let isWarm = false;
  /** The owner is looked after before there is a session; its first offer knows what was seen by then. */
  let renewOffer = (): void => undefined;
  warden =
    config.policyPath === null
      ? undefined
      : owned.use(
          // Loaded where it is wanted: a provider without a policy stays smaller.
          await (await import("./owner/start-warden.ts")).startWarden({
            folder: config.folder,
            policyPath: config.policyPath,
            desktopEnvironment: config.desktopEnvironment,
            coresInSight: availableParallelism(),
            workforce: {
              workers: () => [...runner.workers(), ...benchmark.workers()],
              vacate: () => runner.vacate(),
              recall: () => runner.recall(),
            },
            size,
            clock,
            log,
            onChange: () => renewOffer(),
          }),
        );
  const offering: OfferInputs = {
    provider: key.nodeId,
    folder: config.folder,
    cacheBytesMax,
    slots: () => (isWarm ? runner.slots : 0),
    memoryBytes: () => lentBytes(),
    owner: () => warden,
    benchmark,
    link,
    history,
    clock,
  };
  let offered = await makeOffer(offering);
  const session: Session = new Session({
    fogUrl: config.fogUrl,
    host,
    runner,
    outbox,
    delivery,
    offer: async () => {
      offered = await makeOffer(offering);
      return offered;
    },
    fetch,
    clock,
    prng,
    log,
    onState: (next) => state.enter(next),
    onFog: (fog) => tickets.uploadTo(fog),
  });
  renewOffer = () => void session.renewOffer();
  const warmed = measured.then(async () => {
    await Promise.all(slots.slice(0, sizeCores()).map((slot) => slot.warm()));
    isWarm = true;
    await session.renewOffer();
  });
  const isIdle = () =>
    runner.running().length === 0 && (warden === undefined || warden.decision?.verdict.kind === "run");
  const followSize = async (): Promise<void> => {
    const before = sizeFile.value;
    await sizeFile.refresh();
    if (sizeFile.value === before) return;
    await cache.fit();
    // What comes later is warm before it is offered, and nobody waits here for it.
    const resized = runner.resize(sizeCores()).then(() => session.renewOffer());
    resized.catch((error: unknown) => log.error("resize_failed", { error: String(error) }));
  };
  const guard = new WorkerGuard({
    slots,
    folder: outbox.folder,
    updates: () => runner.running().length + outbox.leases().length,
    diskBytesMax: cacheBytesMax,
    memoryBytesMax: workerBytesMax,
    removeStrays: () => removeStrayUpdates(outbox, ports),
    log,
  });
  let slotsOffered = 0;
  let groupBytes = 0;
  const holdWorkers = async (): Promise<void> => {
    const bytesMax = workerBytesMax();
    if (group && bytesMax !== groupBytes) {
      groupBytes = bytesMax;
      await group.limit(bytesMax).catch((error) => log.warn("memory_unlimited", { error: String(error) }));
    }
    await guard.look();
  };
  const over = new AbortController();
  const told = keepStatusFile(
    {
      folder: config.folder,
      beside: async () => {
        tally.look(warden?.status()?.foreignMillicores ?? null);
        history.look(clock.nowUnixMs(), lentOf(offering).slots > 0);
        benchmark.look(isWarm && isIdle());
        collectAtRest(isWarm && runner.running().length === 0, clock.monotonicMs());
        await followSize();
        await holdWorkers();
        if (isWarm && runner.slots !== slotsOffered) {
          slotsOffered = runner.slots; // one was given up, or is tried again
          await session.renewOffer();
        }
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
        offer: offerStatusOf(offered, offering),
        sizeProblem: sizeFile.problem,
        troubles: slots.flatMap(({ trouble }) =>
          trouble === undefined ? [] : [{ code: trouble.code, sentence: trouble.message }],
        ),
        owner: warden?.status() ?? null,
      }),
      clock,
      log,
    },
    over.signal,
  );
  const ended = Promise.all([session.run(), warmed, told, warden?.ended]).then(() => undefined);
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
    hold(isHeld) {
      log.info("agent_held", { isHeld });
      // Where a policy is in force the warden looks next, and lets go of those that may go on.
      if (!isHeld && warden) return warden.wake();
      for (const worker of [...runner.workers(), ...benchmark.workers()]) worker.hold(isHeld);
    },
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

/** Updates whose worker or agent was killed before the receipt was signed. */
async function removeStrayUpdates(outbox: SqliteOutbox, { disk, log }: Ports): Promise<void> {
  const waiting = new Set<string>(outbox.leases());
  for (const lease of await disk.list(outbox.folder)) {
    if (waiting.has(lease)) continue;
    try {
      await removeUpdate(join(outbox.folder, lease), disk);
    } catch (error) {
      log.warn("stray_update_stays", { lease, error: String(error) }); // it takes room, and nobody waits for it
    }
  }
}
