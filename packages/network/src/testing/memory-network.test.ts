import { createPrng, keyPairOfSeed } from "@pingo/core";
import { systemClock } from "@pingo/core/system";
import { createTestClock } from "@pingo/core/testing";
import { describe, expect, test } from "vitest";
import type { Channel } from "../peer-host.ts";
import { PEER_HOST_CASES } from "./compliance.ts";
import { createMemoryNetwork, type MemoryNetwork } from "./memory-network.ts";

const PROTOCOL = "/pingo/test/1.0.0";
const A = keyPairOfSeed(new Uint8Array(32).fill(1));
const B = keyPairOfSeed(new Uint8Array(32).fill(2));

describe("the memory network is a peer network", () => {
  for (const { name, run } of PEER_HOST_CASES) {
    test(name, () => {
      const limits = { messageBytesMax: 100_000, requestsInFlightMax: 32 };
      const network = createMemoryNetwork({ clock: systemClock, prng: createPrng(1), limits });
      return run({
        ...limits,
        host: async (key) => network.host(key),
        deadAddress: (peer) => `/memory/999/p2p/${peer}`,
      });
    });
  }
});

async function connect(network: MemoryNetwork): Promise<{ near: Channel; far: Channel }> {
  const [a, b] = [network.host(A), network.host(B)];
  const accepted = Promise.withResolvers<Channel>();
  b.handle(PROTOCOL, accepted.resolve);
  const near = await a.dial(b.addresses[0] ?? "", PROTOCOL);
  const far = await accepted.promise;
  far.serve(async (body) => body);
  return { near, far };
}

describe("weather", () => {
  test("a message takes as long as the delay says", async () => {
    const clock = createTestClock();
    const network = createMemoryNetwork({ clock, prng: createPrng(1) });
    const { near } = await connect(network);
    network.setWeather({ delayMs: 100 });
    let answeredAtMs = 0;
    const asked = near.request("x").then(() => {
      answeredAtMs = clock.monotonicMs();
    });
    await clock.advance(1_000);
    await asked;
    expect(answeredAtMs).toBe(200);
  });

  test("jitter never changes the order", async () => {
    const clock = createTestClock();
    const network = createMemoryNetwork({ clock, prng: createPrng(7) });
    const { near, far } = await connect(network);
    network.setWeather({ delayMs: 5, jitterMs: 50 });
    const seen: unknown[] = [];
    far.serve(async (body) => seen.push(body));
    const asked = Array.from({ length: 50 }, (_, i) => near.request(i));
    await clock.advance(5_000);
    await Promise.all(asked);
    expect(seen).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  test("a lost chunk breaks its connection, and the same seed breaks it at the same message", async () => {
    const survived = async (seed: number): Promise<number> => {
      const network = createMemoryNetwork({ clock: createTestClock(), prng: createPrng(seed) });
      const { near } = await connect(network);
      network.setWeather({ dropRate: 0.1 });
      for (let count = 0; ; count++) {
        const lost = await near.request(count).then(
          () => false,
          () => true,
        );
        if (lost) return count;
      }
    };
    expect(await survived(5)).toBe(await survived(5));
  });

  test("a cut line is noticed at both ends, and a healed one can be dialled again", async () => {
    const clock = createTestClock();
    const network = createMemoryNetwork({ clock, prng: createPrng(1) });
    const { near, far } = await connect(network);
    network.partition(A.nodeId, B.nodeId);
    const asked = near.request("lost", { timeoutMs: 60_000 }).catch((error: unknown) => error);
    await clock.advance(20_000);
    expect(await asked).toMatchObject({ code: "CHANNEL_CLOSED" });
    expect(await near.closed).toMatchObject({ code: "LINK_SILENT" });
    expect(await far.closed).toMatchObject({ code: "LINK_SILENT" });
    network.heal(A.nodeId, B.nodeId);
    const { near: again } = await connect(network);
    expect(await again.request("back")).toBe("back");
  });

  test("pings keep an idle channel open", async () => {
    const clock = createTestClock();
    const { near } = await connect(createMemoryNetwork({ clock, prng: createPrng(1) }));
    await clock.advance(600_000);
    expect(await near.request("still here")).toBe("still here");
  });

  test("a crash breaks every connection of the node", async () => {
    const network = createMemoryNetwork({ clock: createTestClock(), prng: createPrng(1) });
    const { near } = await connect(network);
    network.crash(B.nodeId);
    expect(await near.closed).toMatchObject({ code: "CONNECTION_LOST" });
  });
});
