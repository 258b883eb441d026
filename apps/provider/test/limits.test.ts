/** Workers that go astray, in real processes behind the real walls: what they fill ends them and nobody else. */
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, rmdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { cidOfBytes, type Log, leaseIdOf } from "@pingo/core";
import { systemClock, systemDisk, systemPrng } from "@pingo/core/system";
import { silentLog } from "@pingo/core/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ProviderError } from "../src/provider-error.ts";
import { floodIn } from "../src/worker/flood-guard.ts";
import { findLauncher } from "../src/worker/launcher.ts";
import { removeUpdate } from "../src/worker/remove-update.ts";
import { liftSession, lowerSession } from "../src/worker/session-weight.ts";
import { openWorkerGroup } from "../src/worker/worker-group.ts";
import { WorkerGuard } from "../src/worker/worker-guard.ts";
import { WorkerSlot } from "../src/worker/worker-slot.ts";
import { FLOODS } from "./escape/flooder.ts";
import { gone } from "./provider-process.ts";

const FLOODER = fileURLToPath(new URL("./escape/flooder.ts", import.meta.url));
const CID = cidOfBytes(new Uint8Array());
const LEASE = leaseIdOf(new Uint8Array(26));

let home = "";
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "pingo-limits-"));
});
afterEach(() => rm(home, { recursive: true, force: true }));

async function openSlot(
  group?: Awaited<ReturnType<typeof openWorkerGroup>>,
  memoryBytesMax?: number,
  log: Log = silentLog,
) {
  const folders = {
    blocks: join(home, "blocks"),
    updates: join(home, "updates"),
    compileCache: join(home, "compile-cache"),
  };
  const launcher = await findLauncher({
    environment: { PATH: String(process.env["PATH"]) },
    ...{ folders, group, log, entry: FLOODER },
    ...(memoryBytesMax !== undefined && { memoryBytesMax: () => memoryBytesMax }),
  });
  return new WorkerSlot({ purpose: "units", launcher, clock: systemClock, prng: systemPrng, log: silentLog });
}

/** The flooder does what the unit's seed says. */
function taskOf(what: (typeof FLOODS)[number]) {
  const unit = {
    ...{ job: CID, round: 1, index: 0, program: CID, weights: CID, shards: [], seed: FLOODS.indexOf(what) },
    ...{ steps: 1, batchSize: 1, learningRate: 1, deadlineMs: 60_000 },
  };
  const updateFolder = join(home, "updates", LEASE);
  return { type: "run", lease: LEASE, unit, blocksFolder: join(home, "blocks"), updateFolder } as const;
}

/** Resolves once its process has been there: what ends it afterwards is what it did. */
async function isUp(slot: WorkerSlot): Promise<void> {
  await slot.warm();
  expect(slot.worker).toBeDefined();
}

const run = (slot: WorkerSlot, what: (typeof FLOODS)[number]) =>
  slot.run(taskOf(what), { signal: new AbortController().signal, onProgress: () => undefined });

test("a flood of small files is seen, ended, and all of it can be taken away", async () => {
  await using slot = await openSlot();
  const failed = expect(run(slot, "files")).rejects.toMatchObject({ code: "WORKER_FLOODS" });
  let flood = null;
  while (flood === null) {
    flood = await floodIn(join(home, "updates"), 1, 2 ** 40);
    await pause(20);
  }
  const pid = slot.worker?.pid ?? 0;
  slot.cut(new ProviderError({ code: "WORKER_FLOODS", ...flood }));
  await failed;
  await gone(pid);
  await rm(join(home, "updates", LEASE), { recursive: true });
  expect(await readdir(join(home, "updates"))).toEqual([]);
});

/** As the agent looks, but more often; until the unit has failed. */
async function guarded(
  slot: WorkerSlot,
  failed: Promise<unknown>,
  { diskBytesMax = 2 ** 40, memoryBytesMax = 2 ** 40 },
): Promise<void> {
  const guard = new WorkerGuard({
    ...{ slots: [slot], folder: join(home, "updates"), updates: () => 1, log: silentLog },
    ...{ diskBytesMax: () => diskBytesMax, memoryBytesMax: () => memoryBytesMax },
    removeStrays: () => removeUpdate(join(home, "updates", LEASE), systemDisk),
  });
  let isOver = false;
  const end = (): void => {
    isOver = true;
  };
  failed.then(end, end);
  while (!isOver) {
    await guard.look();
    await pause(20);
  }
}

test("a flood into files that have no name is seen by what was written", async () => {
  await using slot = await openSlot();
  await isUp(slot);
  const failed = expect(run(slot, "unlinked")).rejects.toMatchObject({ code: "WORKER_WRITES" });
  await guarded(slot, failed, { diskBytesMax: 256 * 2 ** 20 });
  await failed;
});

test("a worker that is larger than what is lent is seen, whatever kind of memory it is", async () => {
  await using slot = await openSlot(undefined, 2 ** 32);
  await isUp(slot);
  const failed = expect(run(slot, "memory")).rejects.toMatchObject({ code: "WORKER_SWELLS" });
  await guarded(slot, failed, { memoryBytesMax: 2 ** 27 });
  await failed;
});

test.each(["nonsense", "line"] as const)("a worker that floods its agent with %s is ended", async (what) => {
  await using slot = await openSlot();
  const before = process.memoryUsage().rss;
  await expect(run(slot, what)).rejects.toMatchObject({ code: "WORKER_GARBLES" });
  expect(process.memoryUsage().rss - before).toBeLessThan(64 * 2 ** 20);
});

test("what a worker writes to stderr is a line of the log, with nothing in it for a terminal", async () => {
  const told = Promise.withResolvers<unknown>();
  const log: Log = { ...silentLog, warn: (event, fields) => event === "worker_says" && told.resolve(fields) };
  await using slot = await openSlot(undefined, undefined, log);
  run(slot, "stderr").catch(() => undefined); // ended with the slot
  expect(await told.promise).toMatchObject({ text: "[2Ja worker's words", pid: expect.any(Number) });
});

test("a flood of memory ends at the limit of each worker, also where there is no group", async () => {
  await using slot = await openSlot(undefined, 2 ** 28);
  await isUp(slot);
  await expect(run(slot, "memory")).rejects.toMatchObject({ code: "WORKER_DIED" });
});

test("a flood of memory ends at the limit of the workers' group, where the system gives us one", async (context) => {
  const group = await openWorkerGroup({ pid: process.pid, log: silentLog });
  await using _ = group;
  if (!group?.controls.has("memory")) return context.skip("this system hands us no control group for memory");
  await group.limit(2 ** 28);
  await using slot = await openSlot(group, 2 ** 34);
  await isUp(slot);
  await expect(run(slot, "memory")).rejects.toMatchObject({ code: "WORKER_DIED" });
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

test("a group is lifted while anyone in it hands in, and an idle one above it too; then both are idle again", async (context) => {
  const own = /^\d+:(?:[^:]*,)?cpu(?:,[^:]*)?:(.*)$/m.exec(await readFile("/proc/self/cgroup", "utf8"))?.[1];
  const above = join("/sys/fs/cgroup/cpu", own ?? "", `pingo-test-${process.pid}`);
  const isOurs =
    own !== undefined &&
    (await mkdir(above).then(
      () => true,
      () => false,
    ));
  if (!isOurs) return context.skip("this system lets us make no control group for cores");
  const child = spawn("sleep", ["600"]);
  try {
    await writeFile(join(above, "cpu.idle"), "1");
    await writeFile(join(above, "cgroup.procs"), String(child.pid));
    const group = await openWorkerGroup({ pid: child.pid ?? 0, wanted: ["cpu"], log: silentLog });
    await using _ = group;
    const workers = join(above, `pingo-workers-${child.pid}`);
    const idle = () =>
      Promise.all(
        [above, workers].map(async (path) => Number(await readFile(join(path, "cpu.idle"), "utf8"))),
      );
    expect(await idle()).toEqual([1, 1]);
    const lifts = [group?.lift(), group?.lift()];
    await expect.poll(idle).toEqual([0, 0]);
    for (const path of [above, workers]) {
      await expect.poll(() => readFile(join(path, "cpu.shares"), "utf8")).toBe("110\n");
    }
    lifts.pop()?.[Symbol.dispose]();
    const last = group?.lift();
    lifts.pop()?.[Symbol.dispose]();
    expect(await idle()).toEqual([0, 0]);
    last?.[Symbol.dispose]();
    await expect.poll(idle).toEqual([1, 1]);
  } finally {
    child.kill("SIGKILL");
    await gone(child.pid ?? 0);
    await rmdir(above);
  }
});

test("a session is lifted while its worker hands in, and weighs the least before and after", async (context) => {
  const child = spawn("sleep", ["600"], { detached: true });
  try {
    const pid = child.pid ?? 0;
    const niceness = async () => /nice (-?\d+)/.exec(await readFile(`/proc/${pid}/autogroup`, "utf8"))?.[1];
    if (!(await niceness().catch(() => undefined))) return context.skip("this system weighs no sessions");
    await lowerSession(pid, silentLog);
    expect(await niceness()).toBe("19");
    const lifted = liftSession(pid, silentLog);
    await expect.poll(niceness).toBe("10");
    lifted[Symbol.dispose]();
    await expect.poll(niceness).toBe("19");
  } finally {
    child.kill("SIGKILL");
  }
});
