import {
  CONTROL_PROTOCOL,
  createPrng,
  type HttpAnswer,
  keyPairOfSeed,
  parseShape,
  RemoteError,
  zProviderRequest,
} from "@pingo/core";
import { createMemoryDisk, createTestClock, silentLog } from "@pingo/core/testing";
import { createMemoryNetwork } from "@pingo/network/testing";
import { createMemoryBlocks } from "@pingo/storage/testing";
import { expect, test } from "vitest";
import { Delivery } from "./delivery.ts";
import { openFileOutbox } from "./file-outbox.ts";
import { LeaseRunner } from "./lease-runner.ts";
import { createMemoryCache } from "./memory-cache.ts";
import { Session } from "./session.ts";

const FOG = keyPairOfSeed(new Uint8Array(32).fill(1));
const KEY = keyPairOfSeed(new Uint8Array(32).fill(2));
const FOG_URL = "http://fog";

/** A session whose fog node knows another process with its key for so long. */
async function converse(takenMs: number) {
  const clock = createTestClock();
  const prng = createPrng(3);
  const network = createMemoryNetwork({ clock, prng });
  const fog = network.host(FOG);
  const instances = new Set<string>();
  fog.handle(CONTROL_PROTOCOL, (channel) =>
    channel.serve(async (body) => {
      const request = parseShape(zProviderRequest, body, "the request");
      if (request.type !== "hello") return request.type === "heartbeat" ? { drop: [] } : {};
      instances.add(request.instance);
      if (clock.monotonicMs() < takenMs) throw new RemoteError({ code: "KEY_IN_USE", message: "taken" });
      return { fog: FOG.nodeId, httpUrl: FOG_URL, leaseTtlMs: 6_000, drop: [] };
    }),
  );
  const view = { id: FOG.nodeId, addresses: fog.addresses, httpUrl: FOG_URL, version: "test" };
  const fetch = async (): Promise<HttpAnswer> => ({
    ok: true,
    status: 200,
    body: oneChunk(JSON.stringify(view)),
  });
  const outbox = await openFileOutbox({ folder: "/outbox", disk: createMemoryDisk(), log: silentLog });
  const cache = createMemoryCache(1_000);
  const ports = { clock, prng, log: silentLog };
  const runner = new LeaseRunner({
    ...{ key: KEY, slots: [], size: 0, cache, blocks: cache, outbox, shardBytesMax: () => 1_000, ...ports },
    run: () => Promise.reject(new Error("no lease comes here")),
    onResult: () => undefined,
    onRelease: () => undefined,
  });
  const states: string[] = [];
  const session = new Session({
    ...{ fogUrl: FOG_URL, host: network.host(KEY), runner, outbox, fetch, ...ports },
    delivery: new Delivery({ outbox, remote: createMemoryBlocks(), ...ports }),
    offer: async () => ({
      ...{ provider: KEY.nodeId, slots: 1, cpuMillicores: 1_000, memoryBytes: 1, diskBytes: 1, gflops: 1 },
      measuredAtUnixMs: 1,
    }),
    onFog: () => undefined,
    onState: (state) => states.push(state),
  });
  let ended: unknown;
  const running = session.run().then(
    () => "left",
    (error: unknown) => {
      ended = error;
    },
  );
  while (ended === undefined && !states.includes("online") && clock.monotonicMs() < 120_000) {
    await clock.advance(500);
  }
  const isOnline = states.includes("online");
  const atMs = clock.monotonicMs();
  const left = session.leave();
  for (let i = 0; i < 20; i++) await clock.advance(1_000);
  await left;
  await running;
  return { ended, isOnline, atMs, instances };
}

async function* oneChunk(text: string): AsyncIterable<Uint8Array> {
  yield new TextEncoder().encode(text);
}

test.each([0, 3_000, 10_000, 15_000])(
  "a key that another process has for %i ms more is waited for: it may be dead and only seem alive",
  async (takenMs) => {
    const { ended, isOnline, atMs, instances } = await converse(takenMs);
    expect({ isOnline, ended }).toEqual({ isOnline: true, ended: undefined });
    expect(atMs).toBeGreaterThanOrEqual(takenMs);
    expect(instances.size).toBe(1);
  },
);

test.each([30_000, Number.MAX_SAFE_INTEGER])(
  "a key that another process keeps for %i ms ends the session with why",
  async (takenMs) => {
    const { ended, isOnline, atMs } = await converse(takenMs);
    expect(isOnline).toBe(false);
    expect(ended).toMatchObject({ code: "KEY_IN_USE", message: "taken" });
    expect(atMs).toBeGreaterThanOrEqual(20_000);
    expect(atMs).toBeLessThan(27_000);
  },
);
