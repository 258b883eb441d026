import { type Fetch, parseShape } from "@pingo/core";
import { createRecordedLog } from "@pingo/core/testing";
import { createToncenter } from "@pingo/ton";
import { expect, test } from "vitest";
import { z } from "zod";
import { checkChain } from "./station-chain.ts";

const minter = `0:${"1".repeat(64)}`;
const zAsked = z.object({ method: z.string() });

/** A toncenter of this network; undefined: nothing answers. */
function chainOf(network: number | undefined, state: "active" | "uninitialized" = "active") {
  const results: Readonly<Record<string, unknown>> = {
    getMasterchainInfo: { last: { workchain: -1, shard: "0", seqno: 1 } },
    getBlockHeader: { gen_utime: 1, global_id: network },
    getAddressInformation: { balance: "1", state },
  };
  const fetch: Fetch = async (_, init) => {
    if (network === undefined) throw new TypeError("fetch failed");
    const text = new TextDecoder().decode(init?.body);
    const { method } = parseShape(zAsked, JSON.parse(text), "the question");
    const answer = new TextEncoder().encode(JSON.stringify({ ok: true, result: results[method] }));
    return { ok: true, status: 200, body: bodyOf(answer) };
  };
  return createToncenter({ endpoint: "http://chain:1/api/v2/jsonRPC", fetch });
}

async function* bodyOf(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}

async function check(client: ReturnType<typeof chainOf>): Promise<readonly string[]> {
  const log = createRecordedLog();
  const signal = new AbortController().signal;
  await checkChain(client, { book: { minter }, network: -3, path: "book.json", log, signal });
  return log.entries.map(({ event }) => event);
}

test("a station starts on the chain of its network, where its contracts stand", async () => {
  expect(await check(chainOf(-3))).toEqual([]);
  await expect(check(chainOf(-239))).rejects.toMatchObject({ code: "CHAIN_OF_ANOTHER_NETWORK" });
  await expect(check(chainOf(-3, "uninitialized"))).rejects.toMatchObject({ code: "CONTRACTS_MISSING" });
});

test("a chain that does not answer keeps no station from starting", async () => {
  expect(await check(chainOf(undefined))).toEqual(["chain_not_checked"]);
});
