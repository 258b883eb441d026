/** An agent that stands still watches for nobody: so its workers stand still too, by its own doing or its guardian's. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keyPairOfSeed, type Lease } from "@pingo/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { probeWalls } from "../src/worker/walls.ts";
import { type ProviderProcess, startProvider } from "./provider-process.ts";
import { type ScriptedFog, startScriptedFog } from "./scripted-fog.ts";
import { leaseFor, type StoredWork, storeWork } from "./work.ts";

const { setpriv, bash } = await probeWalls();
const hasGuardian = setpriv === null && bash === null;

/** A worker of idle priority beside whatever else this machine does. */
const START_MS_MAX = 180_000;
/** Also to stand still it must be let on a core. */
const SOON = { timeout: 60_000 } as const;

/** One agent for all: a start is most of what a test would take. */
let folder = "";
let fog: ScriptedFog;
let work: StoredWork;
let provider: ProviderProcess;
let lease: Lease;
let worker = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pingo-stopped-"));
  fog = await startScriptedFog({ folder, key: keyPairOfSeed(new Uint8Array(32).fill(9)) });
  work = await storeWork(fog.blocks, 32_768);
  provider = await startProvider({ home: folder, fogUrl: fog.url });
  while ((await fog.next("offer")).offer.slots === 0);
  lease = await begin();
  worker = provider.workerPids.at(-1) ?? expect.fail("no worker");
}, START_MS_MAX);
afterAll(async () => {
  await provider?.[Symbol.asyncDispose]();
  await fog?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function stateOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).charAt(0);
}

/** A unit that takes longer than a test, once it has done a step. */
async function begin(): Promise<Lease> {
  const endless = leaseFor(provider.id, work, { steps: 10_000, deadlineMs: 600_000 });
  await fog.ask({ type: "lease", lease: endless });
  for (;;) {
    const { progress } = await fog.next("heartbeat");
    if (progress.some((unit) => unit.lease === endless.id && unit.step > 0)) return endless;
  }
}

const stepNow = async (): Promise<number> => (await fog.next("heartbeat")).progress[0]?.step ?? 0;

test("Ctrl-Z stops the worker and the agent, and both go on together", async () => {
  const states = () => Promise.all([worker, provider.child.pid ?? 0].map(stateOf));
  provider.child.kill("SIGTSTP");
  await expect.poll(states, SOON).toEqual(["T", "T"]);
  provider.child.kill("SIGCONT");
  await expect.poll(states, SOON).not.toContain("T");
});

test.runIf(hasGuardian)(
  "an agent stopped by a signal that it cannot hear: the worker stands still, and goes on with it",
  async () => {
    for (const _ of [1, 2]) {
      provider.child.kill("SIGSTOP");
      await expect.poll(() => stateOf(worker), SOON).toBe("T");
      provider.child.kill("SIGCONT");
      await expect.poll(() => stateOf(worker), SOON).not.toBe("T");
      await provider.logged("agent_stood_still");
      const stood = await stepNow();
      await expect.poll(stepNow, SOON).toBeGreaterThan(stood);
    }
    await fog.ask({ type: "revoke", lease: lease.id, reason: "the test has seen it" });
    const next = leaseFor(provider.id, work);
    const take = () => fog.ask({ type: "lease", lease: next }).then(() => "taken", String);
    await expect.poll(take).toBe("taken");
    expect((await fog.next("result")).receipt.body).toMatchObject({ lease: next.id, steps: 24 });
    expect(provider.workerPids).toEqual([worker]);
  },
);

test.runIf(hasGuardian)("an agent that is ended while it is stopped leaves no worker", async () => {
  await begin();
  provider.child.kill("SIGSTOP");
  await expect.poll(() => stateOf(worker), SOON).toBe("T");
  provider.child.kill("SIGKILL");
  await provider.exited;
  await expect.poll(() => stateOf(worker).catch(() => "gone")).toBe("gone");
});

test.skipIf(hasGuardian)("no setpriv or no bash here: an agent that hears nothing is not tried", () => {
  expect(hasGuardian).toBe(false);
});
