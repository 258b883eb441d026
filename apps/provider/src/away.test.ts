/** The network is gone for an hour, and the wall clock jumps meanwhile: what was done is delivered when it is back. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as realTime } from "node:timers/promises";
import {
  type Clock,
  CONTROL_PROTOCOL,
  cidOfBytes,
  cidOfValue,
  createPrng,
  keyPairOfSeed,
  type LeaseId,
  leaseIdOf,
  parseShape,
  RECEIPT_ACK_DOMAIN,
  RECEIPT_DOMAIN,
  signValue,
  zProviderRequest,
} from "@pingo/core";
import { systemDisk } from "@pingo/core/system";
import { createTestClock, silentLog } from "@pingo/core/testing";
import { Delivery, LeaseRunner, Session } from "@pingo/lending";
import { createMemoryNetwork } from "@pingo/network/testing";
import { createDiskBlocks, writeFile } from "@pingo/storage";
import { createMemoryBlocks } from "@pingo/storage/testing";
import { expect, test } from "vitest";
import { openBlockCache } from "./block-cache.ts";
import { openOutbox } from "./outbox.ts";

const FOG = keyPairOfSeed(new Uint8Array(32).fill(1));
const KEY = keyPairOfSeed(new Uint8Array(32).fill(2));
const LEASE = leaseIdOf(new Uint8Array(26).fill(3));
const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;

/** Its wall clock may be set, as by its owner or a time server; its other one never jumps. */
function settableClock() {
  const clock = createTestClock();
  let aheadMs = 0;
  const settable: Clock = {
    nowUnixMs: () => clock.nowUnixMs() + aheadMs,
    monotonicMs: () => clock.monotonicMs(),
    sleep: (ms, options) => clock.sleep(ms, options),
  };
  return { clock, settable, set: (ms: number) => (aheadMs = ms) };
}

test.each([0, YEAR_MS, -YEAR_MS])(
  "an hour away, and a wall clock that jumps by %i ms: it comes back by itself and hands in what was done",
  async (jumpMs) => {
    const folder = await mkdtemp(join(tmpdir(), "pingo-away-"));
    const { clock, settable, set } = settableClock();
    const prng = createPrng(3);
    const network = createMemoryNetwork({ clock, prng });
    const fog = network.host(FOG);
    const heard: string[] = [];
    let delivered: LeaseId | undefined;
    let isReachable = true;
    fog.handle(CONTROL_PROTOCOL, (channel) =>
      channel.serve(async (body) => {
        const request = parseShape(zProviderRequest, body, "the request");
        heard.push(request.type === "hello" ? `hello ${request.held.length}` : request.type);
        if (request.type === "hello")
          return { fog: FOG.nodeId, httpUrl: "http://fog", leaseTtlMs: 6_000, drop: [] };
        if (request.type === "heartbeat") return { drop: [] };
        if (request.type !== "result") return {};
        delivered = request.receipt.body.lease;
        const acknowledged = { receipt: cidOfValue(request.receipt), counted: true };
        return { acknowledged: signValue(RECEIPT_ACK_DOMAIN, acknowledged, FOG) };
      }),
    );
    const view = { id: FOG.nodeId, addresses: fog.addresses, httpUrl: "http://fog", version: "test" };
    const fetch = async () => {
      if (!isReachable) throw new Error("ENETUNREACH");
      return { ok: true, status: 200, body: oneChunk(JSON.stringify(view)) };
    };
    using outbox = openOutbox(folder, systemDisk);
    using cache = openBlockCache({ folder, disk: systemDisk, quotaBytes: () => 1_000, log: silentLog });
    const ports = { clock: settable, prng, log: silentLog, disk: systemDisk };
    const runner = new LeaseRunner({
      ...{ key: KEY, slots: [], size: 0, cache, blocks: cache, outbox, shardBytesMax: () => 1_000, ...ports },
      run: () => Promise.reject(new Error("no unit comes")),
      onResult: () => undefined,
      onRelease: () => undefined,
    });
    const states: string[] = [];
    const remote = createMemoryBlocks();
    const delivery = new Delivery({ outbox, remote, ...ports });
    const session = new Session({
      ...{ fogUrl: "http://fog", host: network.host(KEY), runner, outbox, fetch, delivery, ...ports },
      offer: async () => ({
        ...{ provider: KEY.nodeId, slots: 1, cpuMillicores: 1_000, memoryBytes: 1, diskBytes: 1, gflops: 1 },
        measuredAtUnixMs: 1,
      }),
      onFog: () => undefined,
      onState: (state) => states.push(state),
    });
    const until = async (holds: () => boolean, msMax: number): Promise<void> => {
      for (const endMs = clock.monotonicMs() + msMax; !holds(); await clock.advance(250)) {
        await realTime(1); // the outbox is on a real disk, which knows nothing of this clock
        if (clock.monotonicMs() > endMs) expect.fail(`not within ${msMax} ms: ${heard.slice(-5)}`);
      }
    };
    const running = session.run();
    await until(() => states.at(-1) === "online", 5_000);

    network.partition(FOG.nodeId, KEY.nodeId);
    isReachable = false;
    await until(() => states.at(-1) === "connecting", 60_000);
    set(jumpMs);
    const update = await writeFile(
      createDiskBlocks({ folder: outbox.folderOf(LEASE), disk: systemDisk }),
      new Uint8Array(2_000).fill(7),
    );
    const receipt = {
      ...{
        lease: LEASE,
        issuedAtUnixMs: 1,
        unit: cidOfBytes(new Uint8Array()),
        provider: KEY.nodeId,
        steps: 1,
        rows: 1,
        cpuMs: 1,
      },
      ...{ lossMean: 0.5, update, startedAtUnixMs: 1, endedAtUnixMs: settable.nowUnixMs() },
    };
    await outbox.put({ receipt: signValue(RECEIPT_DOMAIN, receipt, KEY), statement: null });
    delivery.wake();
    for (const endMs = clock.monotonicMs() + HOUR_MS; clock.monotonicMs() < endMs; )
      await clock.advance(5_000);
    expect(delivered).toBeUndefined();
    expect(outbox.leases()).toEqual([LEASE]);

    network.heal(FOG.nodeId, KEY.nodeId);
    isReachable = true;
    await until(() => outbox.leases().length === 0, 60_000);
    expect(delivered).toBe(LEASE);
    expect(heard).toContain("hello 1"); // what it held was named when it came back
    expect(await remote.has(update)).toBe(true);
    const beats = heard.filter((type) => type === "heartbeat").length;
    await until(() => heard.filter((type) => type === "heartbeat").length > beats + 2, 10_000);

    const left = session.leave();
    for (let i = 0; i < 20; i++) await clock.advance(1_000);
    await left;
    await running;
    await rm(folder, { recursive: true, force: true });
  },
);

async function* oneChunk(text: string): AsyncIterable<Uint8Array> {
  yield new TextEncoder().encode(text);
}
