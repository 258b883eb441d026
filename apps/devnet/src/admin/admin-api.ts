/** What only this machine's user may do: GRAM for a test, time travel, snapshots. */
import { isAbsolute } from "node:path";
import { type Log, parseShape } from "@pingo/core";
import { z } from "zod";
import { failureOf } from "../api/error-answer.ts";
import { type Handler, readJson } from "../api/http-server.ts";
import { zAddress, zWhole } from "../api/schema.ts";
import type { Json } from "../api/v2/shapes.ts";
import type { Chain } from "../chain/chain.ts";
import { DevnetError } from "../fault.ts";

const NANO_PER_GRAM = 1_000_000_000n;
const GRAM_MAX = 1_000_000n;
/** Ten years. */
const TRAVEL_S_MAX = 10 * 366 * 86_400;
const PATH_CHARS_MAX = 4_096;
/** A page that a browser shows must not reach the faucet: requests from it carry where it is from. */
const FOREIGN_HEADERS = ["origin", "referer"] as const;

const zFaucet = z.strictObject({
  address: zAddress,
  nano: z
    .string()
    .regex(/^\d{1,18}$/, "expected nano-GRAM as digits")
    .transform(BigInt)
    .refine(
      (nano) => nano > 0n && nano <= GRAM_MAX * NANO_PER_GRAM,
      `expected more than 0, at most ${GRAM_MAX} GRAM`,
    ),
});
const zTravel = z.strictObject({ seconds: zWhole(1, TRAVEL_S_MAX) });
const zSnapshot = z.strictObject({
  path: z.string().max(PATH_CHARS_MAX).refine(isAbsolute, "expected the whole path of a file"),
});

export function createAdminApi(chain: Chain, view: () => Json, log: Log): Handler {
  const routes: Readonly<Record<string, (body: unknown) => Promise<Json>>> = {
    "POST /faucet": async (body) => {
      const { address, nano } = parseShape(zFaucet, body, "the grant");
      const { seqno, transactionHash } = await chain.grant(address, nano);
      return {
        address: address.toString(),
        nano: nano.toString(),
        seqno,
        transaction: transactionHash.toString("base64"),
      };
    },
    "POST /travel": async (body) => {
      const { seconds } = parseShape(zTravel, body, "the journey");
      const { head } = await chain.travel(seconds);
      return { seqno: head.seqno, unixS: head.unixS, travelledS: chain.travelledS };
    },
    "POST /snapshot": async (body) => {
      const { path } = parseShape(zSnapshot, body, "the snapshot");
      const { seqno } = chain.head;
      await chain.store.writeSnapshot(path);
      return { path, seqno };
    },
    "GET /status": async () => statusOf(chain, view()),
  };
  return async (request, url) => {
    try {
      const route = `${request.method} ${url.pathname}`;
      const run = routes[route];
      const isForeign = FOREIGN_HEADERS.some((name) => request.headers[name] !== undefined);
      if (run === undefined || isForeign) throw new DevnetError({ code: "ROUTE_UNKNOWN", route });
      return {
        status: 200,
        body: await run(request.method === "POST" ? await readJson(request) : undefined),
      };
    } catch (cause) {
      const { status, error } = failureOf(cause, log);
      const [, message = error, code = "INTERNAL"] = /^(.*) \(([A-Z_]+)\)$/.exec(error) ?? [];
      return { status, body: { error: { code, message } } };
    }
  };
}

function statusOf(chain: Chain, view: Json): Json {
  const { seqno, unixS } = chain.head;
  return {
    devnet: view,
    seqno,
    unixS,
    travelledS: chain.travelledS,
    waiting: chain.waiting,
    faucetNano: chain.account(chain.faucetAddress).balance.toString(),
  };
}
