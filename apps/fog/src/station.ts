/** The station put together: every part with what it needs, started in order, stopped in reverse. */
import { join } from "node:path";
import { CONTROL_PROTOCOL, type FogNodeView, type NodeId, type Ports } from "@pingo/core";
import { createLibp2pHost, isForPages } from "@pingo/network";
import { createBlockHandler, createDiskBlocks, lockFolder, UploadRoom } from "@pingo/storage";
import { createControlApi } from "./api/control-api.ts";
import { createEventStreams } from "./api/event-stream.ts";
import { createHttpServer, listen } from "./api/http-server.ts";
import { httpUrlOf } from "./api/http-url.ts";
import { PAGE_PATH, readPageFiles } from "./api/page-files.ts";
import { openAudits } from "./audits/open-audits.ts";
import { openStationChain } from "./chain/station-chain.ts";
import type { FogConfig } from "./config.ts";
import { openDatabase } from "./database/database.ts";
import { openEmission } from "./emission/open-emission.ts";
import { FogError } from "./fault.ts";
import { openIdentity } from "./identity.ts";
import { startDispatcher } from "./jobs/dispatcher.ts";
import { createEventHub } from "./jobs/event-hub.ts";
import { JobRegistry } from "./jobs/job-registry.ts";
import { createMailbox } from "./jobs/mailbox.ts";
import { createModeller } from "./jobs/modeller.ts";
import { Traffic } from "./jobs/traffic.ts";
import { ProviderRegistry } from "./leases/provider-registry.ts";
import { serveProvider } from "./leases/provider-session.ts";
import { openMembership } from "./membership/open-membership.ts";
import { gatedUploads } from "./membership/upload-gate.ts";
import { openSettlement } from "./settlement/open-settlement.ts";
import { openStakes } from "./stakes/open-stakes.ts";

export const VERSION = "0.1.0";

export interface Station extends AsyncDisposable {
  readonly view: FogNodeView;
  /** Resolves with why when it cannot go on; never while all is well. */
  readonly failed: Promise<string>;
}

/** @throws {FaultError} FOLDER_IN_USE, PORT_IN_USE, DATABASE_UNREACHABLE and others: nothing is left running */
export async function startStation(config: FogConfig, ports: Ports): Promise<Station> {
  const { clock, prng, log, disk } = ports;
  const { leaseTtlMs, web } = config;
  await using parts = new AsyncDisposableStack();
  parts.use(await lockFolder(config.folder));
  const key = await openIdentity(config.folder, ports);
  const database = parts.use(await openDatabase({ folder: config.folder, url: config.databaseUrl }));
  const { sql } = database;
  const blocksFolder = join(config.folder, "blocks");
  const blocks = createDiskBlocks({ folder: blocksFolder, disk });
  const traffic = new Traffic(blocks, log);
  const hub = createEventHub();

  let view: FogNodeView | undefined;
  const leasesOf = (id: NodeId): number =>
    jobs.runs.reduce((sum, run) => sum + run.held().filter(({ provider }) => provider === id).length, 0);
  const hasStake = (id: NodeId): boolean | undefined => stakes?.allows(id);
  const providers = new ProviderRegistry({ sql, clock, leasesOf, hasStake });
  const ending = new AbortController();
  const chain = await openStationChain(config, key, ports, ending.signal);
  const membership = await openMembership({
    ...{ config, chain, key, sql, ports, blocks, blocksFolder, ending },
    lentBy: (id) => providers.lentBy(id),
  });
  parts.use(membership);
  const stakes = await openStakes({
    ...{ config, chain, sql, clock, log, ending },
    present: () => providers.present(),
    onChange: () => dispatcher.wake(),
  });
  if (stakes) parts.use(stakes);
  const modeller = createModeller(blocksFolder);
  const jobs = new JobRegistry({
    ...{ sql, blocks, clock, prng, log, hub, traffic, modeller, leaseTtlMs, fog: key.nodeId },
    registry: chain?.registry ?? null,
    // Paid on chain, a job is not worked on before its budget is there.
    hasCredit: (owner) => config.payment !== "prepaid" || membership.isFounder(owner),
    awaitsFunds: config.payment === "chain",
    async admitOwner(owner) {
      await membership.admit(owner);
      await settlement?.admit(owner);
    },
    ask: (id, request) => providers.ask(id, request),
    wake() {
      dispatcher.wake();
      settlement?.wake();
    },
    placeable: (run) => dispatcher.placeable(run),
  });
  const settlement = await openSettlement({
    ...{ config, chain, sql, blocks, clock, log, ending, fog: key.nodeId },
    onFunded: () => dispatcher.wake(),
    stop: async (id, reason) => jobs.run(id)?.stop(reason),
  });
  const audits = openAudits({
    ...{ config, sql, blocks, clock, log, modeller, fog: key.nodeId },
    isBusy: () => jobs.runs.some(({ isStarted }) => isStarted),
  });
  const emission = await openEmission({ config, chain, key, sql, blocks, clock, log, ending });
  const dispatcher = startDispatcher({
    clock,
    log,
    // What runs goes on, whatever the chain says, until nothing pays for it.
    runs: () =>
      settlement === undefined
        ? jobs.runs
        : jobs.runs.filter(({ row, id }) =>
            row.state === "queued" ? settlement.isFunded(id, row.budgetNano) : settlement.isCovered(id),
          ),
    offers: () => providers.offers(),
  });
  // Stopped in this order: no new leases, no thread that a run waits for, then the runs.
  parts.use(jobs);
  parts.use(modeller);
  if (audits) parts.use(audits);
  parts.use(dispatcher);
  if (settlement) parts.use(settlement);
  if (emission) parts.use(emission);

  const streams = createEventStreams({ sql, hub, clock, log });
  const room = new UploadRoom();
  const openHandler = createBlockHandler({ blocks, log, clock, room, onTransfer: traffic.onTransfer });
  const isProvider = (id: NodeId): boolean => providers.isKnown(id);
  const uploads = { membership, fog: key.nodeId, clock, log, isProvider };
  const blockHandler = config.gate === "open" ? openHandler : gatedUploads(openHandler, uploads);
  const page = web && (await readPageFiles(web.pageFolder));
  const api = createControlApi({
    ...{ jobs, providers, streams, log, clock, room, sql, blocks },
    ...{ membership, settlement, emission, fog: key.nodeId },
    signIn: { key, ports, network: config.network, domains: config.domains },
    node: () => {
      if (!view) throw new FogError({ code: "STARTING" });
      return view;
    },
    serverFactory: (control) =>
      createHttpServer({ blocks: blockHandler, ...(page && { page }), control }, log),
  });
  parts.defer(() => api.close());
  parts.defer(() => streams.closeAll());
  const httpUrl = httpUrlOf(await listen(api, config.http));
  const host = parts.use(
    await createLibp2pHost({
      ...{ key, log, clock },
      listen: [config.peerAddress, ...(web ? [web.listen] : [])],
      announce: web?.announce ?? [],
    }),
  );
  await jobs.resume();
  const [webAddresses = [], addresses = []] = [true, false].map((forPages) =>
    host.addresses.filter((address) => isForPages(address) === forPages),
  );
  view = {
    ...{ id: key.nodeId, addresses, httpUrl, version: VERSION },
    ...(web && { web: { pageUrl: `${httpUrl}${PAGE_PATH}`, addresses: webAddresses } }),
  };
  const session = { sql, blocks, clock, log, key, providers, httpUrl, leaseTtlMs, checks: createMailbox() };
  host.handle(CONTROL_PROTOCOL, (channel) =>
    serveProvider(channel, {
      ...session,
      run: (id) => jobs.run(id),
      runs: () => jobs.runs,
      wake: () => dispatcher.wake(),
      onCounted() {
        membership.wake();
        audits?.wake();
      },
    }),
  );
  log.info("station_started", { node: key.nodeId, httpUrl });
  const running = parts.move();
  return { view, failed: database.lost, [Symbol.asyncDispose]: () => running.disposeAsync() };
}
