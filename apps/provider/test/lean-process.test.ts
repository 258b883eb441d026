import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { keyPairOfSeed } from "@pingo/core";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { agentBundle } from "../src/agent-bundle.ts";
import { LEAN_FLAGS } from "../src/lean-process.ts";
import { NODE, type ProviderProcess, startProvider } from "./provider-process.ts";
import { type ScriptedFog, startScriptedFog } from "./scripted-fog.ts";
import { leaseFor, storeWork } from "./work.ts";

const KEY = keyPairOfSeed(new Uint8Array(32).fill(6));
const HAS_PROC = existsSync("/proc/self/cmdline");

/** As it is after the setup: from the sources it is 47 MB. */
const ANONYMOUS_MB_MAX = 40;
/** Promises (adr/0008); the processes' own peaks together, which need not have been at one moment. */
const WAITING_MB_MAX = 80;
const WORKING_MB_MAX = 250;
/** A model of 170,000 weights. */
const HIDDEN = 8_192;

beforeAll(() => {
  execFileSync(NODE, [fileURLToPath(new URL("../../../tools/bundle-agent.ts", import.meta.url))]);
});
let folder: string;
let fog: ScriptedFog;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pingo-lean-"));
  fog = await startScriptedFog({ folder, key: KEY });
});
afterEach(async () => {
  await fog[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const startWith = (cache: string): Promise<ProviderProcess> =>
  startProvider({ home: folder, fogUrl: fog.url, env: { NODE_COMPILE_CACHE: cache } });

async function megabytesOf(pid: number | undefined, field: "RssAnon" | "VmHWM" | "VmRSS"): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return (1_024 * Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1])) / 1e6;
}

async function wordsOf(pid: number | undefined): Promise<readonly string[]> {
  return (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0");
}

test.runIf(HAS_PROC)(
  "an agent started plainly runs lean, in the process that was started, and so does its worker",
  async () => {
    const cache = join(folder, "compiled");
    await using provider = await startWith(cache);
    expect(await wordsOf(provider.child.pid)).toEqual(expect.arrayContaining([...LEAN_FLAGS]));
    const { pid } = await provider.logged("worker_started");
    expect(await wordsOf(Number(pid))).toEqual(expect.arrayContaining([...LEAN_FLAGS]));
    const names = await readdir(cache, { recursive: true });
    const marks = names.filter((name) => name.endsWith("provider-compiled"));
    const bundle = agentBundle() ?? expect.fail("no bundle");
    expect(marks).toEqual([expect.stringContaining(bundle.hash.slice(0, 16))]);
  },
);

test.runIf(HAS_PROC)(
  "an agent runs from its bundle, which is a third smaller: with its worker within 250 MB in a job, and within 80 when it waits again",
  async () => {
    await using provider = await startWith(join(folder, "compiled"));
    const agent = provider.child.pid;
    await fog.next("hello");
    expect(await megabytesOf(agent, "RssAnon")).toBeLessThan(ANONYMOUS_MB_MAX);
    while ((await fog.next("offer")).offer.slots === 0);
    const work = await storeWork(fog.blocks, HIDDEN);
    await fog.ask({ type: "lease", lease: leaseFor(provider.id, work, { steps: 240 }) });
    await fog.next("result");
    const peaks = await Promise.all(
      [agent, provider.workerPids.at(-1)].map((pid) => megabytesOf(pid, "VmHWM")),
    );
    expect(
      peaks.reduce((sum, peak) => sum + peak),
      `peaks of ${peaks}`,
    ).toBeLessThanOrEqual(WORKING_MB_MAX);
    // It collects itself once nothing has run for a while.
    const waiting = () => megabytesOf(agent, "VmRSS");
    await expect.poll(waiting, { timeout: 60_000, interval: 500 }).toBeLessThanOrEqual(WAITING_MB_MAX);
  },
);

test("where no compiled code can be kept the agent runs all the same", async () => {
  const cache = join(folder, "in-the-way");
  await writeFile(cache, "a file, not a folder");
  await using provider = await startWith(cache);
  expect((await fog.next("hello")).offer.provider).toBe(provider.id);
});
