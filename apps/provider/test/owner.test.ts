/** The owner's own work comes first: real agent, real workers, the kernel's word for who runs and who stands still. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { assert, isRunUnit, keyPairOfSeed, type Offer, type RunUnit } from "@pingo/core";
import type { OwnerWish } from "@pingo/scheduler";
import { type ProviderStatus, SIZE_FILE, STATUS_FILE, WISH_FILE } from "@pingo/scheduler/status";
import { writeFile as writeFileBlocks } from "@pingo/storage";
import { afterEach, beforeEach, expect, test } from "vitest";
import { probeWalls } from "../src/worker/walls.ts";
import { gone, isAlive, type ProviderProcess, startProvider } from "./provider-process.ts";
import { type ScriptedFog, startScriptedFog } from "./scripted-fog.ts";
import { BATCH, leaseFor, type StoredWork, storeWork } from "./work.ts";

/** Longer than a test, with the wide model. */
const ENDLESS = { steps: 10_000, deadlineMs: 600_000 } as const;
/** Blind to load, so that only what a test does decides. */
const CALM = `profile: dedicated
idle: { cores: 100%, memory: 50%, tolerate: 1000000m }
calm: { from: 0ms, to: 1s }
grace: 0s
vacateAfter: 1h
temperature: { stop: 120, resume: 119 }
battery: { run: true, above: 0% }
`;

const { setpriv, bash } = await probeWalls();
/** Where there is none, stopped.test.ts says so. */
const hasGuardian = setpriv === null && bash === null;

/** So that a unit is known to be that worker's. */
const ONE_SLOT = { PINGO_PROVIDER_SLOTS: "1" } as const;

/** All cores, or the first of them while the calm for the next is not over. */
const WORKS: readonly string[] = ["run", "throttle"];

let folder: string;
let fog: ScriptedFog;
let work: StoredWork;
let provider: ProviderProcess;
const burners: ChildProcess[] = [];
const home = () => join(folder, "provider");

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pingo-owner-"));
  fog = await startScriptedFog({ folder, key: keyPairOfSeed(new Uint8Array(32).fill(5)) });
  work = await storeWork(fog.blocks, 32_768);
});

afterEach(async () => {
  for (const burner of burners.splice(0)) burner.kill("SIGKILL");
  await provider[Symbol.asyncDispose]();
  await fog[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** An agent under this policy that offers. */
async function waiting(policy: string): Promise<void> {
  const path = join(folder, "policy.yaml");
  await writeFile(path, policy);
  provider = await startProvider({
    home: folder,
    fogUrl: fog.url,
    env: { PINGO_PROVIDER_POLICY: path, ...ONE_SLOT },
  });
  while ((await fog.next("offer")).offer.slots === 0);
}

/** With an endless unit that has begun. */
async function working(policy: string): Promise<number> {
  await waiting(policy);
  await fog.ask({ type: "lease", lease: leaseFor(provider.id, work, ENDLESS) });
  while (((await fog.next("heartbeat")).progress[0]?.step ?? 0) === 0);
  return provider.workerPids.at(-1) ?? expect.fail("no worker");
}

const wish = (what: OwnerWish) => writeFile(join(home(), WISH_FILE), JSON.stringify(what));
const paused = (ms: number): OwnerWish => ({ kind: "paused", untilUnixMs: Date.now() + ms });

async function stateOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).charAt(0);
}

async function status(): Promise<ProviderStatus> {
  return JSON.parse(await readFile(join(home(), STATUS_FILE), "utf8"));
}

/** Polls until it holds; a test that waits in vain ends by its own limit. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await pause(20);
}

test("paused by its owner, a worker stands still in mid-unit, and goes on when told to", async () => {
  const worker = await working(CALM);
  await wish(paused(600_000));
  await until(async () => (await stateOf(worker)) === "T");
  await until(async () => (await status()).owner?.verdict === "suspend");
  expect((await status()).owner?.reasons[0]).toMatchObject({ code: "PAUSED" });
  await until(async () => (await fog.next("offer")).offer.slots === 0);
  const stood = (await fog.next("heartbeat")).progress[0]?.step ?? 0;
  await wish({ kind: "none" });
  await until(async () => ((await fog.next("heartbeat")).progress[0]?.step ?? 0) > stood);
  expect(provider.workerPids).toEqual([worker]);
});

test("asked to make room, it hands in what is done, gives the memory back, and comes back later", async () => {
  const worker = await working(CALM);
  await wish(paused(3 * 3_600_000));
  const { receipt } = await fog.next("result");
  expect(receipt.body.steps).toBeGreaterThan(0);
  expect(receipt.body.steps).toBeLessThan(ENDLESS.steps);
  await gone(worker);
  await until(async () => (await status()).owner?.verdict === "vacate");
  await expect(fog.ask({ type: "lease", lease: leaseFor(provider.id, work) })).rejects.toMatchObject({
    code: "NO_FREE_SLOT",
  });
  await wish({ kind: "none" });
  await until(async () => WORKS.includes((await status()).owner?.verdict ?? ""));
  await fog.ask({ type: "lease", lease: leaseFor(provider.id, work) });
  expect((await fog.next("result")).receipt.body.steps).toBe(24);
  expect(provider.workerPids).toHaveLength(2);
});

test("asked to make room beside programs that take every core, it hands in all the same", async () => {
  const worker = await working(CALM);
  for (let i = 0; i < availableParallelism(); i++) {
    // In a session each, as an owner's programs are: the worker's priority within its own says nothing to them.
    burners.push(spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore", detached: true }));
  }
  const done = (await fog.next("heartbeat")).progress[0]?.step ?? 0;
  await wish(paused(3 * 3_600_000));
  const over = await Promise.race([fog.next("result"), fog.next("release")]);
  assert(over.type === "result", `it was not handed in: ${JSON.stringify(over)}`);
  const { steps, rows } = over.receipt.body;
  expect(steps).toBeGreaterThanOrEqual(done);
  expect(rows).toBe(steps * BATCH);
  await until(async () => !isAlive(worker));
});

/** `(module (memory (export "memory") 1) (func (export "_start") (loop (br 0))))` */
const ENDLESS_MODULE = Buffer.from(
  "0061736d01000000010401600000030201000503010001071302066d656d6f72790200065f737461727400000a0901070003400c000b0b",
  "hex",
);

test("a piece that the owner's return cuts off goes back as nobody's failure", async () => {
  await waiting(CALM.replace("vacateAfter: 1h", "vacateAfter: 1s"));
  const module = await writeFileBlocks(fog.blocks, ENDLESS_MODULE);
  const piece: RunUnit = {
    ...{ kind: "Run", job: work.program, round: 1, index: 0, name: "endless", piece: 0, pieces: 1, module },
    ...{ arguments: [], input: null, seed: 1, steps: 1, deadlineMs: 600_000 },
    limits: { memoryBytes: 2 ** 20, outputBytes: 2 ** 16, secondsPerPiece: 600 },
  };
  const lease = { ...leaseFor(provider.id, work), unit: piece };
  await fog.ask({ type: "lease", lease });
  // Step 0 is told as its module begins, and nothing after.
  await until(async () =>
    (await status()).units.some(({ loss, workerPid }) => loss === null && workerPid !== null),
  );
  await wish(paused(600_000));
  const { leases, isOwners, reason } = await fog.next("release");
  expect({ leases, isOwners }).toEqual({ leases: [lease.id], isOwners: true });
  expect(reason).toContain("OWNER_RETURNED");
  await gone(provider.workerPids[0] ?? expect.fail("no worker"));
});

test("told to finish, it ends its unit and takes no other", async () => {
  await working(CALM);
  await wish({ kind: "finishing" });
  await until(async () => (await fog.next("offer")).offer.slots === 0);
  await until(async () => (await status()).owner?.acceptsWork === false);
  expect(WORKS).toContain((await status()).owner?.verdict);
});

test("what is lent at most is changed while it works: less hands in what runs, more is offered without a restart", async () => {
  const size = (millicores: number | null, memoryBytes: number | null = null) =>
    writeFile(join(home(), SIZE_FILE), JSON.stringify({ millicores, memoryBytes, diskBytes: 2 ** 26 }));
  const offered = async (holds: (offer: Offer) => boolean) => {
    for (;;) {
      const { offer } = await fog.next("offer");
      if (holds(offer)) return offer;
    }
  };
  await working(CALM);
  await size(2_000, 2 ** 29);
  const larger = await offered(({ slots }) => slots === 2);
  expect(larger.cpuMillicores).toBe(2_000);
  expect(larger.memoryBytes).toBeLessThanOrEqual(2 ** 29);
  expect(larger.diskBytes).toBe(2 ** 26);
  await fog.ask({ type: "lease", lease: leaseFor(provider.id, work, ENDLESS) });
  await until(
    async () => (await status()).units.every(({ step }) => step > 0) && (await status()).busySlots === 2,
  );
  await size(500);
  // One of the two is handed in; the other goes on, half of the time.
  const { receipt } = await fog.next("result");
  expect(receipt.body.steps).toBeLessThan(ENDLESS.steps);
  expect((await offered(({ cpuMillicores }) => cpuMillicores === 500)).slots).toBe(1);
  await until(async () => (await status()).busySlots === 1);
  expect((await status()).owner?.reasons).toContainEqual({
    code: "SIZED",
    sentence: "you lend at most 0.5 cores (pingo node size)",
  });
  await writeFile(join(home(), SIZE_FILE), "nonsense");
  await until(async () => (await status()).sizeProblem !== null);
  expect((await status()).offer.cpuMillicores).toBe(500);
});

test("when the owner's programs want every core, the worker stands still; when they end, it goes on", async () => {
  const worker = await working(CALM);
  for (let i = 0; i < availableParallelism(); i++) {
    burners.push(spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" }));
  }
  // Only now does it look: what else this machine does must not keep the unit from beginning.
  await writeFile(join(folder, "policy.yaml"), CALM.replace("1000000m", "500m"));
  await until(async () => (await stateOf(worker)) === "T");
  await until(async () => (await status()).owner?.reasons[0]?.code === "OWNER_BUSY");
  for (const burner of burners.splice(0)) burner.kill("SIGKILL");
  await writeFile(join(folder, "policy.yaml"), CALM);
  await until(async () => (await stateOf(worker)) !== "T");
});

test("a policy that breaks while it runs changes nothing, and says which line", async () => {
  const worker = await working(CALM);
  await writeFile(join(folder, "policy.yaml"), CALM.replace("grace: 0s", "grase: 0s"));
  await until(async () => typeof (await status()).owner?.policyProblem === "string");
  const { owner } = await status();
  expect(owner?.policyProblem).toMatch(/policy\.yaml:4:1: unknown key "grase"; did you mean "grace"\?/);
  expect(WORKS).toContain(owner?.verdict);
  expect(owner?.profile).toBe("dedicated");
  expect(await stateOf(worker)).not.toBe("T");
  await writeFile(join(folder, "policy.yaml"), `${CALM}windows: ["${otherDay()} 00:00-24:00"]\n`);
  await until(async () => (await status()).owner?.verdict === "vacate");
  expect((await status()).owner?.policyProblem).toBeNull();
});

/** The first process of a worker, which is its wall where there is one. */
async function leaderOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2]);
}

test("kill -9 of the agent takes a worker with it that stands still, for its owner or for an agent that did", async () => {
  const worker = await working(CALM);
  await wish(paused(600_000));
  await until(async () => (await stateOf(worker)) === "T");
  if (hasGuardian) {
    const leader = await leaderOf(worker);
    provider.child.kill("SIGSTOP");
    await until(async () => (await stateOf(leader)) === "T");
    provider.child.kill("SIGCONT");
    await provider.logged("agent_stood_still");
    await until(async () => (await stateOf(worker)) === "T"); // let go on by the agent, and held for the owner
  }
  provider.child.kill("SIGKILL");
  await provider.exited;
  await gone(worker);
});

test("a computer that slept goes on where it stood: all processes still for longer than its fog node waits", async () => {
  const worker = await working(CALM);
  const agent = provider.child.pid ?? 0;
  // As in a suspend, nothing of it runs; the fog node hears nothing and hangs up.
  for (const pid of [agent, worker]) process.kill(pid, "SIGSTOP");
  const gone = fog.channel?.closed;
  await gone;
  for (const pid of [worker, agent]) process.kill(pid, "SIGCONT");
  const hello = await fog.next("hello").then(() => fog.next("hello")); // the first was the start's
  expect(hello.held).toHaveLength(1);
  const stood = (await fog.next("heartbeat")).progress[0]?.step ?? 0;
  await until(async () => ((await fog.next("heartbeat")).progress[0]?.step ?? 0) > stood);
  expect(provider.workerPids.at(-1)).toBe(worker);
});

test("what an agent left that was killed in mid-unit is cleaned up by the next, which works on", async () => {
  const worker = await working(CALM);
  provider.child.kill("SIGKILL");
  await provider.exited;
  await gone(worker);
  const left = join(home(), "updates", "01arz3ndektsv4rrffq69g5fav", "xy");
  await mkdir(left, { recursive: true }); // as if the worker had been writing
  await writeFile(join(left, "half"), new Uint8Array(1_000));
  provider = await startProvider({
    home: folder,
    fogUrl: fog.url,
    env: { PINGO_PROVIDER_POLICY: join(folder, "policy.yaml"), ...ONE_SLOT },
  });
  expect(await readdir(join(home(), "updates"))).toEqual([]);
  // Offers of the one that was killed wait there still: the new one is who greets the second time.
  await fog.next("hello").then(() => fog.next("hello"));
  while ((await fog.next("offer")).offer.slots === 0);
  await fog.ask({ type: "lease", lease: leaseFor(provider.id, work) });
  expect((await fog.next("result")).receipt.body.steps).toBe(24);
});

/** Two days from now: not today, nor, should midnight come, tomorrow. */
function otherDay(): string {
  return ["sun", "mon", "tue", "wed", "thu", "fri", "sat"][(new Date().getDay() + 2) % 7] ?? "mon";
}

test("work beyond what was offered is refused with a code, and the owner can see that it was tried", async () => {
  await working(CALM);
  const beyond = leaseFor(provider.id, work);
  for (let i = 0; i < availableParallelism(); i++) {
    await fog.ask({ type: "lease", lease: leaseFor(provider.id, work, ENDLESS) }).catch(() => undefined); // fills what is left
  }
  await expect(fog.ask({ type: "lease", lease: beyond })).rejects.toMatchObject({ code: "NO_FREE_SLOT" });
  await until(async () => (await status()).refused !== null);
  expect((await status()).refused).toMatchObject({ code: "NO_FREE_SLOT" });
  assert(!isRunUnit(beyond.unit), "it trains");
  const huge = {
    ...beyond,
    unit: { ...beyond.unit, shards: beyond.unit.shards.map((shard) => ({ ...shard, sizeBytes: 2 ** 36 })) },
  };
  await expect(fog.ask({ type: "lease", lease: huge })).rejects.toMatchObject({ code: "LEASE_TOO_LARGE" });
  await until(async () => (await status()).refused?.code === "LEASE_TOO_LARGE");
});

test("a piece that wants more memory than is lent is refused, though the slot is free and the computer has it", async () => {
  await waiting(`${CALM}size: { memory: 256Mi }\n`);
  const piece: RunUnit = {
    ...{ kind: "Run", job: work.program, round: 1, index: 0, name: "large", piece: 0, pieces: 1 },
    ...{ module: work.program, arguments: [], input: null, seed: 1, steps: 1, deadlineMs: 60_000 },
    limits: { memoryBytes: 2 ** 30, outputBytes: 0, secondsPerPiece: 60 },
  };
  const lease = { ...leaseFor(provider.id, work), unit: piece };
  await expect(fog.ask({ type: "lease", lease })).rejects.toMatchObject({ code: "LEASE_TOO_LARGE" });
  await until(async () => (await status()).refused?.code === "LEASE_TOO_LARGE");
  expect((await status()).busySlots).toBe(0);
});
