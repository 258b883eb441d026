import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { assertDefined, cidOfBytes, createPrng, type LeaseId, leaseIdOf, type RunUnit } from "@pingo/core";
import { createTestClock, silentLog } from "@pingo/core/testing";
import { BACKOFF_MS_MAX } from "@pingo/lending";
import { expect, test } from "vitest";
import { ProviderError } from "../provider-error.ts";
import type { LaunchTold } from "./launcher.ts";
import { DEATHS_MAX, FLUSH_MS_MAX, GIVEN_UP_MS, GRACE_MS, type RunTask, WorkerSlot } from "./worker-slot.ts";

const CID = cidOfBytes(new Uint8Array());
const STUCK = leaseOf(1);
const SOUND = leaseOf(2);
const DEADLINE_MS = 1_000;

/** The worker's end of the channel, in a program of one line. */
const CHANNEL = `
  const pipe = new (require("node:net").Socket)({ fd: 3 });
  const say = (report) => pipe.write(JSON.stringify(report) + "\\n");
  const onTask = (hear) => require("node:readline").createInterface({ input: pipe }).on("line", (line) => hear(JSON.parse(line)));
  pipe.on("close", () => process.exit(0));`;

const OUTCOME = {
  ...{ steps: 1, rows: 0, lossMean: 0, cpuMs: 0 },
  ...{ update: CID, startedAtUnixMs: 0, endedAtUnixMs: 0 },
};

/** A process that speaks the protocol: it hangs for ever on one lease, heeds no cancel, and does the others at once. */
const WORKER = `${CHANNEL}
  let prepared = 0;
  onTask((task) => {
    if (task.type === "prepare") prepared += 1;
    if (task.type !== "run") return;
    say({ type: "progress", lease: task.lease, step: 1, loss: 0.5 });
    if (task.lease === "${STUCK}") return;
    say({ type: "done", lease: task.lease, outcome: { ...${JSON.stringify(OUTCOME)}, rows: prepared } });
  });
  say({ type: "ready" });`;

function leaseOf(fill: number): LeaseId {
  return leaseIdOf(new Uint8Array(26).fill(fill));
}

function taskOf(lease: LeaseId): RunTask {
  const unit = {
    ...{ job: CID, round: 1, index: 0, program: CID, weights: CID, shards: [], seed: 1 },
    ...{ steps: 1, batchSize: 1, learningRate: 1, deadlineMs: DEADLINE_MS },
  };
  return { type: "run", lease, unit, blocksFolder: "/", updateFolder: "/" };
}

function pieceTask(piece: number): RunTask {
  const unit: RunUnit = {
    ...{ job: CID, round: 1, index: piece, kind: "Run", name: "p", module: CID, arguments: [], input: null },
    ...{ piece, pieces: 2, seed: 1, steps: 1, deadlineMs: DEADLINE_MS },
    limits: { memoryBytes: 65_536, outputBytes: 0, secondsPerPiece: 1 },
  };
  return { type: "run", lease: SOUND, unit, blocksFolder: "/", updateFolder: "/" };
}

/** Processes are real and live beside the clock: a test moves it only after what it waited for has happened. */
function openSlot(script: string, waitingMs?: () => number) {
  const clock = createTestClock();
  const children: ChildProcess[] = [];
  const lifted = new Set<number>();
  const launcher = {
    watch: () => ({ [Symbol.dispose]: () => undefined }),
    lift(pid: number) {
      lifted.add(pid);
      return { [Symbol.dispose]: () => void lifted.delete(pid) };
    },
    start({ onPid }: LaunchTold) {
      const child = spawn(process.execPath, ["-e", script], {
        stdio: ["ignore", "ignore", "inherit", "pipe"],
      });
      children.push(child);
      if (child.pid !== undefined) onPid(child.pid);
      return child;
    },
  };
  const slot = new WorkerSlot({
    ...{ purpose: "units", launcher, clock, prng: createPrng(1), log: silentLog },
    ...(waitingMs && { waitingMs }),
  });
  return {
    slot,
    clock,
    children,
    lifted: () => [...lifted],
    /** Begins a unit; resolves once its worker has said something of it, or it has failed. */
    async begin(lease: LeaseId, signal = new AbortController().signal) {
      const begun = Promise.withResolvers<void>();
      const outcome = slot.run(taskOf(lease), { signal, onProgress: () => begun.resolve() });
      await Promise.race([begun.promise, outcome.catch(() => undefined)]);
      return { outcome };
    },
    /** The newest process is gone, and the wait before the next is over. */
    async restarted() {
      const child = assertDefined(children.at(-1), "one was started");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      await clock.advance(BACKOFF_MS_MAX);
    },
  };
}

test("no process runs before there is a unit, and one runs all units after", async () => {
  const { slot, children, begin } = openSlot(WORKER);
  await using _ = slot;
  expect(children).toEqual([]);
  for (let i = 0; i < 3; i++) expect(await (await begin(SOUND)).outcome).toEqual(OUTCOME);
  expect(children).toHaveLength(1);
});

test("a program is prepared once in a process that is there and has time, and again in the next one", async () => {
  const { slot, children, begin, restarted } = openSlot(WORKER);
  await using _ = slot;
  slot.prepare(CID, "/"); // there is no process yet, and none is started for it
  expect(children).toEqual([]);
  expect(await (await begin(SOUND)).outcome).toEqual(OUTCOME);
  slot.prepare(CID, "/");
  slot.prepare(CID, "/");
  expect(await (await begin(SOUND)).outcome).toEqual({ ...OUTCOME, rows: 1 });
  assertDefined(children[0], "it was started").kill("SIGKILL");
  await restarted();
  expect(await (await begin(SOUND)).outcome).toEqual(OUTCOME);
  slot.prepare(CID, "/");
  expect(await (await begin(SOUND)).outcome).toEqual({ ...OUTCOME, rows: 1 });
});

test("a slot vacated before its first unit starts nothing until it is recalled, and then one process", async () => {
  const { slot, clock, children, begin } = openSlot(WORKER);
  await using _ = slot;
  slot.vacate();
  slot.recall();
  await clock.advance(BACKOFF_MS_MAX);
  slot.vacate();
  const waiting = begin(SOUND);
  await clock.advance(BACKOFF_MS_MAX);
  expect(children).toEqual([]);
  slot.recall();
  expect(await (await waiting).outcome).toEqual(OUTCOME);
  expect(children).toHaveLength(1);
});

test("while it hands in for its owner a worker is lifted, until it is gone; what it cannot hand in is nobody's failure", async () => {
  const { slot, clock, children, begin, lifted } = openSlot(WORKER);
  await using _ = slot;
  const { outcome } = await begin(STUCK);
  const failed = expect(outcome).rejects.toMatchObject({ code: "OWNER_RETURNED" });
  slot.vacate();
  expect(lifted()).toEqual([children[0]?.pid]);
  await clock.advance(FLUSH_MS_MAX - 1);
  expect(children[0]?.killed).toBe(false);
  await clock.advance(1);
  await failed;
  await expect.poll(lifted).toEqual([]);
  expect(children[0]?.signalCode).toBe("SIGKILL");
});

test("a worker that is recalled while it hands in is lifted no longer, and lives on", async () => {
  const { slot, clock, children, begin, lifted } = openSlot(WORKER);
  await using _ = slot;
  const { outcome } = await begin(STUCK);
  outcome.catch(() => undefined); // cut off at the end of the test
  slot.vacate();
  slot.recall();
  await clock.advance(FLUSH_MS_MAX);
  await expect.poll(lifted).toEqual([]);
  expect(slot.worker?.pid).toBe(children[0]?.pid);
});

test("a unit that gives no sign is WORKER_STUCK, its process is ended, and a fresh one takes the next", async () => {
  const { slot, clock, children, begin, restarted } = openSlot(WORKER);
  await using _ = slot;
  const { outcome } = await begin(STUCK);
  const failed = expect(outcome).rejects.toMatchObject({
    code: "WORKER_STUCK",
    message: expect.stringContaining("62000 ms"),
  });
  await clock.advance(2 * DEADLINE_MS + GRACE_MS - 1);
  expect(children[0]?.killed).toBe(false);
  await clock.advance(1);
  await failed;
  await restarted();
  expect(children[0]?.signalCode).toBe("SIGKILL");
  expect(await (await begin(SOUND)).outcome).toEqual(OUTCOME);
  expect(children).toHaveLength(2);
});

test("a worker that others keep off every core is not stuck, until it has had its time", async () => {
  let isCrowded = true;
  let waitedMs = 0;
  const { slot, clock, begin } = openSlot(WORKER, () => {
    if (isCrowded) waitedMs += 900;
    return waitedMs;
  });
  await using _ = slot;
  const { outcome } = await begin(STUCK);
  const failed = expect(outcome).rejects.toMatchObject({ code: "WORKER_STUCK" });
  await clock.advance(10 * (2 * DEADLINE_MS + GRACE_MS));
  expect(slot.isBusy).toBe(true);
  isCrowded = false;
  await clock.advance(2 * DEADLINE_MS + GRACE_MS);
  await failed;
});

test("a unit that does not heed its cancel is cut off after two seconds, which is no death", async () => {
  const { slot, clock, children, begin, restarted } = openSlot(WORKER);
  await using _ = slot;
  for (let i = 0; i < DEATHS_MAX + 1; i++) {
    const cancel = new AbortController();
    const { outcome } = await begin(STUCK, cancel.signal);
    const failed = expect(outcome).rejects.toThrow("taken back");
    cancel.abort(new Error("taken back"));
    await clock.advance(2_000);
    await failed;
    await restarted();
  }
  expect(slot.isBroken).toBe(false);
  expect(await (await begin(SOUND)).outcome).toEqual(OUTCOME);
  expect(children).toHaveLength(DEATHS_MAX + 2);
});

test("a worker that is cut ends at once, its unit fails with why, and the next one has a fresh process", async () => {
  const { slot, children, begin, restarted } = openSlot(WORKER);
  await using _ = slot;
  const { outcome } = await begin(STUCK);
  const failed = expect(outcome).rejects.toMatchObject({ code: "WORKER_FLOODS" });
  slot.cut(new ProviderError({ code: "WORKER_FLOODS", entries: 9, bytes: 9, isClosed: false }));
  await failed;
  await restarted();
  expect(children[0]?.signalCode).toBe("SIGKILL");
  expect(await (await begin(SOUND)).outcome).toEqual(OUTCOME);
});

test("a worker that dies ten times in a row is given up, with the reason", async () => {
  const { slot, children, begin, restarted } = openSlot("process.exit(7)");
  await using _ = slot;
  await expect((await begin(SOUND)).outcome).rejects.toMatchObject({
    code: "WORKER_DIED",
    message: expect.stringContaining("exit code 7"),
  });
  for (let deaths = 1; deaths < DEATHS_MAX; deaths++) await restarted();
  await restarted();
  expect(slot.isBroken).toBe(true);
  expect(slot.trouble).toMatchObject({ code: "WORKER_GIVEN_UP", message: expect.stringContaining("30 min") });
  expect(children).toHaveLength(DEATHS_MAX);
  await expect((await begin(SOUND)).outcome).rejects.toMatchObject({
    message: expect.stringContaining("10 times in a row"),
  });
});

test("a slot that was given up is tried again after its rest, and one more death gives it up again", async () => {
  const { slot, clock, children, begin, restarted } = openSlot("process.exit(7)");
  await using _ = slot;
  slot.warmUp();
  while (!slot.isBroken) {
    await expect.poll(() => children.length).toBeGreaterThan(0);
    await restarted();
  }
  const before = children.length;
  await clock.advance(GIVEN_UP_MS);
  expect(slot.isBroken).toBe(false);
  expect(slot.trouble).toBeUndefined();
  expect(children).toHaveLength(before + 1);
  await expect((await begin(SOUND)).outcome).rejects.toMatchObject({ code: "WORKER_DIED" });
  expect(slot.isBroken).toBe(true);
});

test("a piece that ends its process says so, and however often it does, the slot is not given up for it", async () => {
  const { slot, children, restarted } = openSlot(`${CHANNEL}
    onTask((task) => {
      say({ type: "progress", lease: task.lease, step: 0, loss: null });
      if (task.unit.piece === 0) setImmediate(() => process.kill(process.pid, "SIGABRT"));
      else say({ type: "done", lease: task.lease, outcome: ${JSON.stringify(OUTCOME)} });
    });
    say({ type: "ready" });`);
  await using _ = slot;
  const signal = new AbortController().signal;
  const run = (piece: number) => slot.run(pieceTask(piece), { signal, onProgress: () => undefined });
  for (let i = 0; i < DEATHS_MAX + 1; i++) {
    await expect(run(0)).rejects.toMatchObject({
      code: "PIECE_DIED",
      message: expect.stringContaining("SIGABRT"),
    });
    await restarted();
  }
  expect(slot.isBroken).toBe(false);
  expect(await run(1)).toEqual(OUTCOME);
  expect(children).toHaveLength(DEATHS_MAX + 2);
});

test.each<readonly [string, string]>([
  ["nothing", `say(null)`],
  ["an object of no kind", `say({})`],
  ["a message of Node's own kind", `say({ cmd: "NODE_HANDLE", type: "net.Native" })`],
  [
    "an outcome with more in it",
    `say({ type: "done", lease: task.lease, outcome: { ...${JSON.stringify(OUTCOME)}, more: 1 } })`,
  ],
  ["no JSON", `pipe.write("{\\n")`],
  ["a line without an end", `for (let i = 0; i < 64; i++) pipe.write(Buffer.alloc(1 << 16, 0xff))`],
])("a worker that says %s is ended, and its unit fails with that", async (_, says) => {
  const { slot, children, begin, restarted } = openSlot(`${CHANNEL}
    onTask((task) => { if (task.type === "run") ${says}; });
    say({ type: "ready" });`);
  await using _slot = slot;
  await expect((await begin(SOUND)).outcome).rejects.toMatchObject({ code: "WORKER_GARBLES" });
  await restarted();
  expect(children[0]?.signalCode).toBe("SIGKILL");
});
