/** HTTP of both ports: bodies within limits, JSON in and out, addresses told as they are. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { HostPort, Log } from "@pingo/core";
import { DevnetError } from "../fault.ts";
import type { Json } from "./v2/shapes.ts";

/** A message of 65,535 bytes as base64, with room for the rest. */
export const BODY_BYTES_MAX = 256 * 1024;
const HEADERS_TIMEOUT_MS = 15_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** Clients keep connections; one that we close first while they write is an error to them. */
const KEEP_ALIVE_MS = 120_000;

export interface Answer {
  readonly status: number;
  readonly body: Json;
}

export type Handler = (request: IncomingMessage, url: URL) => Promise<Answer>;

export function createHttpServer(handler: Handler, log: Log): Server {
  const server = createServer(
    {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
    },
    (request, response) => {
      serve(handler, request, response).catch((error: unknown) => {
        log.error("request_failed", { why: String(error instanceof Error ? error.stack : error) });
        response.destroy();
      });
    },
  );
  return server;
}

async function serve(handler: Handler, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.setHeader("access-control-allow-origin", "*");
  response.setHeader("access-control-allow-headers", "*");
  response.setHeader("access-control-allow-methods", "GET, POST, OPTIONS");
  if (request.method === "OPTIONS") return void response.writeHead(204).end();
  const { status, body } = await handler(request, urlOf(request.url ?? "/"));
  // What was not read of a body that is too large would be taken for the next request.
  if (!request.complete) response.setHeader("connection", "close");
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

/** Of whatever a client writes after its method: "//" is a path too. */
function urlOf(target: string): URL {
  const url = target.startsWith("/") ? URL.parse(`http://devnet${target}`) : URL.parse(target);
  return url ?? new URL("http://devnet//");
}

/** @throws {DevnetError} BODY_TOO_LARGE, BODY_MALFORMED */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new DevnetError({ code: "BODY_TOO_LARGE", bytesMax: BODY_BYTES_MAX });
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new DevnetError({ code: "BODY_MALFORMED", why: why.slice(0, 120) }, { cause });
  }
}

/** Each name with its value, or with all of them when it is repeated. */
export function queryOf(url: URL): Readonly<Record<string, string | readonly string[]>> {
  return Object.fromEntries(
    [...new Set(url.searchParams.keys())].map((name) => {
      const values = url.searchParams.getAll(name);
      return [name, values.length === 1 ? (values[0] ?? "") : values];
    }),
  );
}

/** @throws {DevnetError} PORT_IN_USE, ADDRESS_REFUSED */
export async function listen(server: Server, { host, port }: HostPort, variable: string): Promise<string> {
  const address = `${host}:${port}`;
  try {
    server.listen(port, host);
    await once(server, "listening");
  } catch (cause) {
    const why = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    if (why === "EADDRINUSE") throw new DevnetError({ code: "PORT_IN_USE", address, variable }, { cause });
    throw new DevnetError({ code: "ADDRESS_REFUSED", address, variable, why }, { cause });
  }
  const bound = server.address();
  const boundPort = bound !== null && typeof bound === "object" ? bound.port : port;
  return `http://${host.includes(":") ? `[${host}]` : host}:${boundPort}`;
}

export async function close(server: Server): Promise<void> {
  server.close();
  server.closeAllConnections();
  if (server.listening) await once(server, "close");
}
