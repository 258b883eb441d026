/** The one HTTP port: /ipfs/ goes straight to the data plane, the page that lends to its files, all else to the control API. */
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { assert, LIMITS, type Log } from "@pingo/core";
import type { BlockHandler } from "@pingo/storage";
import type { FastifyInstance } from "fastify";
import type { FogConfig } from "../config.ts";
import { FogError } from "../fault.ts";
import type { PageHandler } from "./page-files.ts";

/** Of a request's head; a body of 2 MiB may take its time. */
const HEADERS_TIMEOUT_MS = 15_000;
const REQUEST_TIMEOUT_MS = 120_000;

export interface Planes {
  readonly blocks: BlockHandler;
  /** Absent where pages may not lend. */
  readonly page?: PageHandler;
  readonly control: RequestListener;
}

export function createHttpServer({ blocks, page, control }: Planes, log: Log): Server {
  const server = createServer(
    { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS },
    (request, response) => {
      blocks(request, response).then(
        (isAnswered) => {
          if (!isAnswered && !page?.(request, response)) control(request, response);
        },
        (error: unknown) => {
          log.error("block_request_failed", { why: String(error instanceof Error ? error.stack : error) });
          response.destroy();
        },
      );
    },
  );
  server.maxConnections = LIMITS.httpConnectionsMax;
  let isFull = false;
  server.on("connection", () => {
    isFull = false;
  });
  // Said once for each time that it fills, not for each of those turned away.
  server.on("drop", () => {
    if (!isFull) log.warn("connections_full", { max: LIMITS.httpConnectionsMax });
    isFull = true;
  });
  return server;
}

/** @throws {FogError} PORT_IN_USE, ADDRESS_REFUSED */
export async function listen(api: FastifyInstance, { host, port }: FogConfig["http"]): Promise<AddressInfo> {
  try {
    await api.listen({ host, port });
  } catch (cause) {
    const address = `${host}:${port}`;
    const why = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    const variable = "PINGO_FOG_HTTP";
    if (why === "EADDRINUSE") throw new FogError({ code: "PORT_IN_USE", address, variable }, { cause });
    throw new FogError({ code: "ADDRESS_REFUSED", address, variable, why }, { cause });
  }
  const address = api.server.address();
  assert(address !== null && typeof address === "object", "a listening server has an address");
  return address;
}
