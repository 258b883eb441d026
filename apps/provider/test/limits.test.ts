/** Workers that go astray, in real processes behind the real walls: what they fill ends them and nobody else. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { cidOfBytes, type LeaseId, leaseIdOf } from "@pingo/core";
import { systemClock, systemPrng } from "@pingo/core/system";
import { silentLog } from "@pingo/core/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ProviderError } from "../src/provider-error.ts";
import { floodIn } from "../src/worker/flood-guard.ts";
import { findLauncher } from "../src/worker/launcher.ts";
import { openWorkerGroup } from "../src/worker/worker-group.ts";
import { WorkerSlot } from "../src/worker/worker-slot.ts";
import { gone } from "./provider-process.ts";

const FLOODER = fileURLToPath(new URL("./escape/flooder.ts", import.meta.url));
const CID = cidOfBytes(new Uint8Array());

let home = "";
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "pingo-limits-"));
});
afterEach(() => rm(home, { recursive: true, force: true }));

async function openSlot(group?: Awaited<ReturnType<typeof openWorkerGroup>>, memoryBytesMax?: number) {
  const folders = {
    blocks: join(home, "blocks"),
    updates: join(home, "updates"),
    compileCache: join(home, "compile-cache"),
  };
  const launcher = await findLauncher({
    environment: { PATH: String(process.env["PATH"]) },
    ...{ folders, group, log: silentLog, entry: FLOODER },
    ...(memoryBytesMax !== undefined && { memoryBytesMax: () => memoryBytesMax }),
  });
  return new WorkerSlot({ purpose: "units", launcher, clock: systemClock, prng: systemPrng, log: silentLog });
}

function taskOf(lease: LeaseId) {
  const unit = {
    ...{ job: CID, round: 1, index: 0, program: CID, weights: CID, shards: [], seed: 1 },
    ...{ steps: 1, batchSize: 1, learningRate: 1, deadlineMs: 60_000 },
  };
  const updateFolder = join(home, "updates", lease);
  return { type: "run", lease, unit, blocksFolder: join(home, "blocks"), updateFolder } as const;
}

/** Resolves once its process has been there: what ends it afterwards is what it did. */
async function isUp(slot: WorkerSlot): Promise<void> {
  await slot.warm();
  expect(slot.worker).toBeDefined();
}

const run = (slot: WorkerSlot, lease: LeaseId) =>
  slot.run(taskOf(lease), { signal: new AbortController().signal, onProgress: () => undefined });

test("a flood of small files is seen, ended, and all of it can be taken away", async () => {
  await using slot = await openSlot();
  const lease = leaseIdOf(new Uint8Array(26));
  const failed = expect(run(slot, lease)).rejects.toMatchObject({ code: "WORKER_FLOODS" });
  let flood = null;
  while (flood === null) {
    flood = await floodIn(join(home, "updates"), 1, 2 ** 40);
    await pause(20);
  }
  const pid = slot.worker?.pid ?? 0;
  slot.cut(new ProviderError({ code: "WORKER_FLOODS", ...flood }));
  await failed;
  await gone(pid, 5_000);
  await rm(join(home, "updates", lease), { recursive: true });
  expect(await readdir(join(home, "updates"))).toEqual([]);
});

test("a flood of memory ends at the limit of each worker, also where there is no group", async () => {
  await using slot = await openSlot(undefined, 2 ** 28);
  await isUp(slot);
  await expect(run(slot, memoryLease())).rejects.toMatchObject({ code: "WORKER_DIED" });
});

test("a flood of memory ends at the limit of the workers' group, where the system gives us one", async (context) => {
  const group = await openWorkerGroup({ pid: process.pid, log: silentLog });
  await using _ = group;
  if (!group?.controls.has("memory")) return context.skip("this system hands us no control group for memory");
  await group.limit(2 ** 28);
  await using slot = await openSlot(group, 2 ** 34);
  await isUp(slot);
  await expect(run(slot, memoryLease())).rejects.toMatchObject({ code: "WORKER_DIED" });
});

test("all of a worker is in a group that is idle as a whole, where the system gives us one", async (context) => {
  const group = await openWorkerGroup({ pid: process.pid, log: silentLog });
  await using _ = group;
  if (!group?.controls.has("cpu")) return context.skip("this system hands us no control group for cores");
  await using slot = await openSlot(group);
  await isUp(slot);
  const text = await readFile(`/proc/${slot.worker?.pid}/cgroup`, "utf8");
  const v1 = /^\d+:(?:[^:]*,)?cpu(?:,[^:]*)?:(.*)$/m.exec(text)?.[1];
  const path = v1 === undefined ? /^0::(.*)$/m.exec(text)?.[1] : `/cpu${v1}`;
  expect(path).toContain(`pingo-workers-${process.pid}`);
  expect(await readFile(`/sys/fs/cgroup${path}/cpu.idle`, "utf8")).toBe("1\n");
});

/** The flooder tells its orders by the first letter. */
function memoryLease(): LeaseId {
  for (let seed = 0; ; seed++) {
    const lease = leaseIdOf(new Uint8Array(26).fill(seed));
    if (lease.startsWith("m")) return lease;
    if (seed > 255) throw new Error("no lease begins with m");
  }
}
