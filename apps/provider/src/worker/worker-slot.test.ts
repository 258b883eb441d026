import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { assertDefined, cidOfBytes, createPrng, type LeaseId, leaseIdOf } from "@pingo/core";
import { createTestClock, silentLog } from "@pingo/core/testing";
import { BACKOFF_MS_MAX } from "@pingo/lending";
import { expect, test } from "vitest";
import { ProviderError } from "../provider-error.ts";
import { DEATHS_MAX, GRACE_MS, type RunTask, WorkerSlot } from "./worker-slot.ts";

const CID = cidOfBytes(new Uint8Array());
const STUCK = leaseOf(1);
const SOUND = leaseOf(2);
const DEADLINE_MS = 1_000;

/** A process that speaks the protocol: it hangs for ever on one lease, heeds no cancel, and does the others at once. */
const WORKER = `
  let prepared = 0;
  process.on("message", (task) => {
    if (task.type === "prepare") prepared += 1;
    if (task.type !== "run") return;
    process.send({ type: "progress", lease: task.lease, step: 1, loss: 0.5 });
    if (task.lease === "${STUCK}") return;
    process.send({ type: "done", lease: task.lease, outcome: { steps: 1, ...(prepared > 0 && { prepared }) } });
  });
  process.send({ type: "ready" });`;

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

/** Processes are real and live beside the clock: a test moves it only after what it waited for has happened. */
function openSlot(script: string, waitingMs?: () => number) {
  const clock = createTestClock();
  const children: ChildProcess[] = [];
  const launcher = {
    start(onPid: (pid: number) => void) {
      const child = spawn(process.execPath, ["-e", script], {
        stdio: ["ignore", "ignore", "inherit", "ipc"],
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
  for (let i = 0; i < 3; i++) expect(await (await begin(SOUND)).outcome).toEqual({ steps: 1 });
  expect(children).toHaveLength(1);
});

test("a program is prepared once in a process that is there and has time, and again in the next one", async () => {
  const { slot, children, begin, restarted } = openSlot(WORKER);
  await using _ = slot;
  slot.prepare(CID, "/"); // there is no process yet, and none is started for it
  expect(children).toEqual([]);
  expect(await (await begin(SOUND)).outcome).toEqual({ steps: 1 });
  slot.prepare(CID, "/");
  slot.prepare(CID, "/");
  expect(await (await begin(SOUND)).outcome).toEqual({ steps: 1, prepared: 1 });
  assertDefined(children[0], "it was started").kill("SIGKILL");
  await restarted();
  expect(await (await begin(SOUND)).outcome).toEqual({ steps: 1 });
  slot.prepare(CID, "/");
  expect(await (await begin(SOUND)).outcome).toEqual({ steps: 1, prepared: 1 });
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
  expect(await (await waiting).outcome).toEqual({ steps: 1 });
  expect(children).toHaveLength(1);
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
  expect(await (await begin(SOUND)).outcome).toEqual({ steps: 1 });
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
  expect(await (await begin(SOUND)).outcome).toEqual({ steps: 1 });
  expect(children).toHaveLength(DEATHS_MAX + 2);
});

test("a worker that is cut ends at once, its unit fails with why, and the next one has a fresh process", async () => {
  const { slot, children, begin, restarted } = openSlot(WORKER);
  await using _ = slot;
  const { outcome } = await begin(STUCK);
  const failed = expect(outcome).rejects.toMatchObject({ code: "WORKER_FLOODS" });
  slot.cut(new ProviderError({ code: "WORKER_FLOODS", entries: 9, bytes: 9 }));
  await failed;
  await restarted();
  expect(children[0]?.signalCode).toBe("SIGKILL");
  expect(await (await begin(SOUND)).outcome).toEqual({ steps: 1 });
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
  expect(children).toHaveLength(DEATHS_MAX);
  await expect((await begin(SOUND)).outcome).rejects.toMatchObject({
    message: expect.stringContaining("10 times in a row"),
  });
});
