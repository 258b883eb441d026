import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createPrng } from "@pingo/core";
import { createTestClock, silentLog } from "@pingo/core/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { WorkerSlot } from "../worker/worker-slot.ts";
import { Benchmark, FULL_PASSES, IDLE_MS, MEASURED_FILE } from "./benchmark.ts";

/** The worker's end of the channel. */
const CHANNEL = `
  const pipe = new (require("node:net").Socket)({ fd: 3 });
  const say = (report) => pipe.write(JSON.stringify(report) + "\\n");
  pipe.on("close", () => process.exit(0));`;
/** Measures at once, and says how many passes it was asked for. */
const WORKER = `${CHANNEL}
  pipe.on("data", (line) =>
    say({ type: "measured", speed: { gflops: JSON.parse(line).passes, memoryBytesPerSecond: 1 } }));
  say({ type: "ready" });`;
const HANGS = `${CHANNEL} say({ type: "ready" }); pipe.resume();`;
const DAY_MS = 86_400_000;

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pingo-benchmark-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function open(script = WORKER) {
  const clock = createTestClock();
  let started = 0;
  const launcher = {
    watch: () => ({ [Symbol.dispose]: () => undefined }),
    lift: () => ({ [Symbol.dispose]: () => undefined }),
    start: () => {
      started += 1;
      return spawn(process.execPath, ["-e", script], { stdio: ["ignore", "ignore", "inherit", "pipe"] });
    },
  };
  const benchmark = await Benchmark.open({
    folder,
    openSlot: () =>
      new WorkerSlot({ purpose: "measure", launcher, clock, prng: createPrng(1), log: silentLog }),
    clock,
    log: silentLog,
  });
  return { benchmark, clock, started: () => started };
}

/** Processes are real and live beside the clock. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

test("shortly at the first start, longer at the first moment that was idle for long enough, again hours later", async () => {
  const { benchmark, clock, started } = await open();
  await using _ = benchmark;
  await benchmark.atStart();
  expect(benchmark.measured).toMatchObject({ gflops: 1, isFull: false });
  benchmark.look(true);
  await clock.advance(IDLE_MS - 1);
  benchmark.look(true);
  expect(started()).toBe(1);
  benchmark.look(false); // somebody needed it: from the beginning
  await clock.advance(1);
  benchmark.look(true);
  expect(started()).toBe(1);
  await clock.advance(IDLE_MS);
  benchmark.look(true);
  await until(() => benchmark.measured?.isFull === true);
  expect(benchmark.measured?.gflops).toBe(FULL_PASSES);
  await clock.advance(3_600_000);
  benchmark.look(true);
  expect(started()).toBe(2);
  await clock.advance(DAY_MS);
  // The one before may still be writing down what it found: the next look is a second later.
  await until(() => {
    benchmark.look(true);
    return started() === 3;
  });
});

test("what was measured outlives a restart; a file that is broken, or of a day to come, is measured anew", async () => {
  const kept = (atUnixMs: number) =>
    JSON.stringify({ gflops: 7, memoryBytesPerSecond: 7, atUnixMs, isFull: true });
  const { clock } = await open();
  await writeFile(join(folder, MEASURED_FILE), kept(clock.nowUnixMs()));
  const again = await open();
  await again.benchmark.atStart();
  expect(again.benchmark.measured?.gflops).toBe(7);
  expect(again.started()).toBe(0);
  // The clock was ahead when it was written, and was set right.
  await writeFile(join(folder, MEASURED_FILE), kept(clock.nowUnixMs() + DAY_MS));
  const ahead = await open();
  ahead.benchmark.look(true);
  await ahead.clock.advance(IDLE_MS);
  ahead.benchmark.look(true);
  await until(() => ahead.benchmark.measured?.gflops === FULL_PASSES);
  await ahead.benchmark[Symbol.asyncDispose]();
  await writeFile(join(folder, MEASURED_FILE), "{");
  const broken = await open();
  await broken.benchmark.atStart();
  expect(broken.benchmark.measured?.gflops).toBe(1);
});

test("it gives way to work at once, and what was known before stays", async () => {
  const { benchmark, clock, started } = await open(HANGS);
  benchmark.look(true);
  await clock.advance(IDLE_MS);
  benchmark.look(true);
  await until(() => started() === 1);
  benchmark.look(false);
  await benchmark[Symbol.asyncDispose](); // its process is gone: this returns
  expect(benchmark.measured).toBeNull();
});
