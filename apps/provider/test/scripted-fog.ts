/**
 * A fog node that does what a test tells it, made of the real parts: a libp2p host, an HTTP block
 * server, and a store on disk. It records what the provider says.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import {
  CONTROL_PROTOCOL,
  cidOfValue,
  type FogRequest,
  type KeyPair,
  type NodeId,
  type ProviderRequest,
  parseShape,
  RECEIPT_ACK_DOMAIN,
  signValue,
  zProviderRequest,
} from "@pingo/core";
import { systemClock, systemDisk } from "@pingo/core/system";
import { silentLog } from "@pingo/core/testing";
import { type Channel, createLibp2pHost, type PeerHost } from "@pingo/network";
import { type Blocks, createBlockHandler, createDiskBlocks } from "@pingo/storage";

type Heard<K extends ProviderRequest["type"]> = Extract<ProviderRequest, { readonly type: K }>;

export interface ScriptedFog extends AsyncDisposable {
  readonly id: NodeId;
  readonly url: string;
  readonly blocks: Blocks;
  /** The next request of this type that nobody has taken yet. */
  next<K extends ProviderRequest["type"]>(type: K): Promise<Heard<K>>;
  count(type: ProviderRequest["type"]): number;
  /** Asks the provider that greeted last. */
  ask(request: FogRequest | Record<string, unknown>): Promise<unknown>;
  /** Leases that the answer to the next heartbeat drops. */
  drop: FogDrop;
  /** Whose signature acknowledges results; its own unless a test says otherwise. */
  acknowledger: KeyPair;
  readonly channel: Channel | undefined;
}

type FogDrop = Extract<ProviderRequest, { type: "hello" }>["held"];

export interface ScriptedFogOptions {
  readonly folder: string;
  readonly key: KeyPair;
  /** To come back where an earlier one was. */
  readonly httpPort?: number;
  readonly leaseTtlMs?: number;
}

export async function startScriptedFog(options: ScriptedFogOptions): Promise<ScriptedFog> {
  const { folder, key, httpPort = 0, leaseTtlMs = 600 } = options;
  const blocks = createDiskBlocks({ folder: join(folder, "fog-blocks"), disk: systemDisk });
  const host = await createLibp2pHost({
    key,
    listen: ["/ip4/127.0.0.1/tcp/0"],
    log: silentLog,
    clock: systemClock,
  });
  const { server, url } = await serveHttp(host, blocks, httpPort);
  const heard: ProviderRequest[] = [];
  const waiters: { readonly type: string; readonly resolve: (request: ProviderRequest) => void }[] = [];
  let channel: Channel | undefined;

  const record = (request: ProviderRequest): void => {
    counts.set(request.type, (counts.get(request.type) ?? 0) + 1);
    const at = waiters.findIndex(({ type }) => type === request.type);
    const [waiter] = at < 0 ? [] : waiters.splice(at, 1);
    if (waiter) waiter.resolve(request);
    else heard.push(request);
  };
  const counts = new Map<string, number>();
  const fog: ScriptedFog = {
    id: host.id,
    url,
    blocks,
    drop: [],
    acknowledger: key,
    get channel() {
      return channel;
    },
    next: (type) =>
      new Promise((resolve) => {
        const at = heard.findIndex((request) => request.type === type);
        const [found] = at < 0 ? [] : heard.splice(at, 1);
        // SAFETY: only requests of this type are given to this waiter.
        const take = resolve as (request: ProviderRequest) => void;
        if (found) take(found);
        else waiters.push({ type, resolve: take });
      }),
    count: (type) => counts.get(type) ?? 0,
    async ask(request) {
      if (!channel) throw new Error("no provider has greeted yet");
      return channel.request(request);
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await host[Symbol.asyncDispose]();
    },
  };
  const answer = (request: ProviderRequest): unknown => {
    if (request.type === "hello") return { fog: host.id, httpUrl: url, leaseTtlMs, drop: [] };
    if (request.type === "heartbeat") return { drop: fog.drop };
    if (request.type !== "result") return {};
    const body = { receipt: cidOfValue(request.receipt), counted: true };
    return { acknowledged: signValue(RECEIPT_ACK_DOMAIN, body, fog.acknowledger) };
  };
  host.handle(CONTROL_PROTOCOL, (incoming) => {
    incoming.serve(async (body) => {
      const request = parseShape(zProviderRequest, body, "the request");
      if (request.type === "hello") channel = incoming;
      record(request);
      return answer(request);
    });
  });
  return fog;
}

async function serveHttp(
  host: PeerHost,
  blocks: Blocks,
  port: number,
): Promise<{ readonly server: Server; readonly url: string }> {
  const handleBlock = createBlockHandler({ blocks, log: silentLog });
  let url = "";
  const server = createServer(async (request, response) => {
    if (await handleBlock(request, response)) return;
    const view = { id: host.id, addresses: host.addresses, httpUrl: url, version: "test" };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(view));
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  // SAFETY: a server that listens on TCP has an AddressInfo.
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { server, url };
}
