/** The devnet put together: every part with what it needs, started in order, stopped in reverse. */
import type { Clock, Log, Prng } from "@pingo/core";
import { lockFolder } from "@pingo/storage";
import { createAdminApi } from "./admin/admin-api.ts";
import { close, createHttpServer, listen } from "./api/http-server.ts";
import { createToncenter } from "./api/toncenter.ts";
import { Chain } from "./chain/chain.ts";
import { createEngine } from "./chain/engine.ts";
import { NETWORK_ID } from "./chain/network-id.ts";
import type { DevnetConfig } from "./config.ts";
import { openChainStore } from "./store/chain-store.ts";
import { TokenIndex } from "./tokens/token-index.ts";

const LOOPBACK = "127.0.0.1";

export interface DevnetView {
  /** For `TON_ENDPOINT`. */
  readonly endpoint: string;
  readonly adminUrl: string;
  readonly networkId: number;
  readonly faucet: string;
}

export interface Devnet extends AsyncDisposable {
  readonly view: DevnetView;
  /** Resolves with why when it cannot go on; never while all is well. */
  readonly failed: Promise<string>;
}

export interface DevnetPorts {
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Log;
}

/** @throws {FaultError} FOLDER_IN_USE, PORT_IN_USE, SNAPSHOT_UNREADABLE and others: nothing is left running */
export async function startDevnet(config: DevnetConfig, { clock, prng, log }: DevnetPorts): Promise<Devnet> {
  await using parts = new AsyncDisposableStack();
  parts.use(await lockFolder(config.folder));
  const store = parts.use(await openChainStore(config.folder, config.snapshotPath));
  const engine = await createEngine();
  const chain = parts.use(new Chain({ store, engine, clock, prng, log, blockMs: config.blockMs }));
  const tokens = new TokenIndex(chain);
  const { requestsPerSecondMax } = config;
  const server = createHttpServer(createToncenter({ chain, tokens, requestsPerSecondMax, clock, log }), log);
  parts.defer(() => close(server));
  const url = await listen(server, config.http, "PINGO_DEVNET_HTTP");
  let view: DevnetView | undefined;
  const admin = createHttpServer(
    createAdminApi(chain, () => (view ? { ...view } : null), log),
    log,
  );
  parts.defer(() => close(admin));
  const adminUrl = await listen(admin, { host: LOOPBACK, port: config.adminPort }, "PINGO_DEVNET_ADMIN_PORT");
  view = {
    endpoint: `${url}/api/v2/jsonRPC`,
    adminUrl,
    networkId: NETWORK_ID,
    faucet: chain.faucetAddress.toString({ testOnly: true, bounceable: false }),
  };
  chain.start();
  log.info("devnet_started", { endpoint: view.endpoint, seqno: chain.head.seqno });
  const running = parts.move();
  return { view, failed: chain.failed, [Symbol.asyncDispose]: () => running.disposeAsync() };
}
