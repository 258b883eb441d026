/**
 * An HTTP bridge as TON Connect defines it, with the lists that an SDK fetches beside it: messages wait for
 * their reader, each reader has one stream, and nothing is read of what is sealed.
 *
 * SOURCE: TON Connect, "HTTP Bridge".
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

const ID = /^[0-9a-f]{64}$/;
const WAITING_MAX = 64;

export interface Bridge extends AsyncDisposable {
  /** To connect to. */
  readonly url: string;
  /** A list with one wallet, behind this bridge. */
  readonly walletsUrl: string;
  readonly manifestUrl: string;
}

interface Sealed {
  readonly id: number;
  readonly from: string;
  readonly message: string;
}

/** @param appName the wallet that the list names */
export async function startBridge(appName: string): Promise<Bridge> {
  const waiting = new Map<string, Sealed[]>();
  const streams = new Map<string, ServerResponse>();
  let lastId = 0;
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", base());
    const route = `${request.method} ${url.pathname}`;
    if (route === "GET /bridge/events") return listen(url, response);
    if (route === "POST /bridge/message") return void accept(url, request, response);
    if (route === "GET /wallets.json") return answer(response, [walletEntry(appName, `${base()}/bridge`)]);
    if (route === "GET /manifest.json")
      return answer(response, { url: base(), name: "test", iconUrl: base() });
    response.writeHead(404).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  // SAFETY: a server that listens on TCP has such an address.
  const { port } = server.address() as AddressInfo;
  const base = (): string => `http://127.0.0.1:${port}`;

  function listen(url: URL, response: ServerResponse): void {
    const ids = (url.searchParams.get("client_id") ?? "").split(",");
    if (!ids.every((id) => ID.test(id))) return void response.writeHead(400).end();
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
    response.write("event: heartbeat\ndata: heartbeat\n\n");
    const seen = Number(url.searchParams.get("last_event_id") ?? 0);
    for (const id of ids) {
      streams.set(id, response);
      response.on("close", () => streams.get(id) === response && streams.delete(id));
      for (const sealed of waiting.get(id) ?? []) if (sealed.id > seen) write(response, sealed);
    }
  }

  async function accept(url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const from = url.searchParams.get("client_id") ?? "";
    const to = url.searchParams.get("to") ?? "";
    const message = await text(request);
    const queue = waiting.get(to) ?? [];
    if (!ID.test(from) || !ID.test(to) || queue.length >= WAITING_MAX)
      return void response.writeHead(400).end();
    const sealed: Sealed = { id: ++lastId, from, message };
    waiting.set(to, [...queue, sealed]);
    const stream = streams.get(to);
    if (stream) write(stream, sealed);
    answer(response, { message: "OK", statusCode: 200 });
  }

  return {
    url: `${base()}/bridge`,
    walletsUrl: `${base()}/wallets.json`,
    manifestUrl: `${base()}/manifest.json`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function write(stream: ServerResponse, { id, from, message }: Sealed): void {
  stream.write(`id: ${id}\nevent: message\ndata: ${JSON.stringify({ from, message })}\n\n`);
}

function answer(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { "content-type": "application/json", "access-control-allow-origin": "*" });
  response.end(JSON.stringify(value));
}

function walletEntry(appName: string, bridgeUrl: string): Readonly<Record<string, unknown>> {
  return {
    app_name: appName,
    name: appName,
    image: "https://wallet.invalid/icon.png",
    about_url: "https://wallet.invalid",
    universal_url: "https://wallet.invalid/connect",
    bridge: [{ type: "sse", url: bridgeUrl }],
    platforms: ["linux"],
    features: [{ name: "SendTransaction", maxMessages: 255 }],
  };
}
