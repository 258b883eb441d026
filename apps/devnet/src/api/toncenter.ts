/** The toncenter API: JSON-RPC and REST of v2, REST of v3. */
import type { IncomingMessage } from "node:http";
import { type Clock, type Log, parseShape } from "@pingo/core";
import { z } from "zod";
import type { Chain } from "../chain/chain.ts";
import { DevnetError } from "../fault.ts";
import type { TokenIndex } from "../tokens/token-index.ts";
import { failureOf } from "./error-answer.ts";
import { type Answer, type Handler, queryOf, readJson } from "./http-server.ts";
import { createRateLimit } from "./rate-limit.ts";
import { METHODS_V2 } from "./v2/methods.ts";
import type { Json } from "./v2/shapes.ts";
import { METHODS_V3 } from "./v3/methods.ts";

const JSON_RPC = /^\/(api\/v2\/)?jsonRPC$/;
const V2 = /^\/api\/v2\/([A-Za-z]{1,64})$/;
const V3 = /^\/api\/v3\/([A-Za-z/]{1,64})$/;

const METHODS_OF_HTTP: readonly string[] = ["GET", "POST"];

const zRpc = z.object({
  method: z.string().max(64),
  params: z.record(z.string(), z.unknown()).default({}),
  id: z.union([z.string().max(128), z.int()]).nullish(),
  jsonrpc: z.string().max(8).optional(),
});

export interface ToncenterOptions {
  readonly chain: Chain;
  readonly tokens: TokenIndex;
  readonly requestsPerSecondMax: number;
  readonly clock: Clock;
  readonly log: Log;
}

export function createToncenter({
  chain,
  tokens,
  requestsPerSecondMax,
  clock,
  log,
}: ToncenterOptions): Handler {
  const mayAsk = createRateLimit(requestsPerSecondMax, clock);
  const indexed = { chain, tokens };

  const rpc = async (request: IncomingMessage): Promise<Answer> => {
    let id: Json = null;
    const answer = await answerV2(async () => {
      const call = parseShape(zRpc, await readJson(request), "the JSON-RPC request");
      id = call.id ?? null;
      return { name: call.method, parameters: call.params };
    });
    return { status: answer.status, body: { ...answer.body, jsonrpc: "2.0", id } };
  };

  const answerV2 = async (
    read: () => Promise<{ readonly name: string; readonly parameters: unknown }>,
  ): Promise<{ readonly status: number; readonly body: Readonly<Record<string, Json>> }> => {
    try {
      const { name, parameters } = await read();
      const run = METHODS_V2.get(name);
      if (run === undefined) throw new DevnetError({ code: "METHOD_UNKNOWN", method: name });
      return { status: 200, body: { ok: true, result: await run(chain, parameters) } };
    } catch (cause) {
      const { status, error } = failureOf(cause, log);
      return { status, body: { ok: false, error, code: status } };
    }
  };

  const answerV3 = async (request: IncomingMessage, url: URL, path: string): Promise<Answer> => {
    try {
      const run = METHODS_V3.get(`${request.method} ${path}`);
      if (run === undefined) throw new DevnetError({ code: "ROUTE_UNKNOWN", route: url.pathname });
      const parameters = request.method === "POST" ? await readJson(request) : queryOf(url);
      return { status: 200, body: await run(indexed, parameters) };
    } catch (cause) {
      const { status, error } = failureOf(cause, log);
      return { status, body: { error, code: status } };
    }
  };

  return async (request, url) => {
    if (!mayAsk(request.socket.remoteAddress ?? "")) {
      const limited = new DevnetError({ code: "RATE_LIMITED", perSecond: requestsPerSecondMax });
      const { status, error } = failureOf(limited, log);
      return { status, body: { ok: false, error, code: status } };
    }
    if (request.method === "POST" && JSON_RPC.test(url.pathname)) return rpc(request);
    const v2 = V2.exec(url.pathname)?.[1];
    if (v2 !== undefined && METHODS_OF_HTTP.includes(request.method ?? ""))
      return answerV2(async () => ({
        name: v2,
        parameters: request.method === "POST" ? await readJson(request) : queryOf(url),
      }));
    const v3 = V3.exec(url.pathname)?.[1];
    if (v3 !== undefined) return answerV3(request, url, v3);
    const { status, error } = failureOf(new DevnetError({ code: "ROUTE_UNKNOWN", route: url.pathname }), log);
    return { status, body: { ok: false, error, code: status } };
  };
}
