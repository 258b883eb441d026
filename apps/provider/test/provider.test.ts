import {
  mkdir,
  mkdtemp,
  readFile as readFileOnDisk,
  rm,
  stat,
  writeFile as writeFileOnDisk,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import {
  assert,
  assertStatementOf,
  cidOfValue,
  encodeCanonical,
  isSignatureOf,
  keyPairOfSeed,
  openSigned,
  publicKeyOfNodeId,
  RECEIPT_DOMAIN,
} from "@pingo/core";
import { readFile } from "@pingo/storage";
import { decodeVector } from "@pingo/training";
import { afterEach, beforeEach, expect, test } from "vitest";
import { gone, type ProviderProcess, spawnProvider, startProvider } from "./provider-process.ts";
import { type ScriptedFog, startScriptedFog } from "./scripted-fog.ts";
import { leaseFor, type StoredWork, storeWork } from "./work.ts";

const FOG = keyPairOfSeed(new Uint8Array(32).fill(5));
/** Longer than any test, with the wide model: such a unit ends only when someone ends it, or at its deadline. */
const ENDLESS = { steps: 10_000, deadlineMs: 600_000 } as const;

let folder: string;
let fog: ScriptedFog;
let work: StoredWork;
const toStop: AsyncDisposable[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pingo-provider-"));
  fog = await startScriptedFog({ folder, key: FOG });
  work = await storeWork(fog.blocks, 32_768);
});

afterEach(async () => {
  for (const one of toStop.splice(0)) await one[Symbol.asyncDispose]();
  await fog[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function joinFog(env: Readonly<Record<string, string>> = {}): Promise<ProviderProcess> {
  const provider = await startProvider({ home: folder, fogUrl: fog.url, env });
  toStop.push(provider);
  return provider;
}

test("it joins with an offer, runs a lease and delivers a receipt that verifies", async () => {
  const provider = await joinFog();
  const { offer, held } = await fog.next("hello");
  // Nothing is offered before the computer is measured and its worker is warm.
  expect(offer).toMatchObject({ provider: provider.id, slots: 0, cpuMillicores: 0 });
  expect(held).toEqual([]);
  let warm = offer;
  while (warm.slots === 0) warm = (await fog.next("offer")).offer;
  expect(warm).toMatchObject({ provider: provider.id, slots: 1, cpuMillicores: 1_000 });
  expect(warm.gflops).toBeGreaterThan(0);
  expect(warm.terms).toMatchObject({ availability: [], reclaimNoticeMs: 0, priceNanoPerCpuHour: "0" });
  expect(warm.terms?.memoryBytesPerSecond).toBeGreaterThan(1e8);
  // Kept for the next start, and still to be measured longer at an idle moment.
  expect(JSON.parse(await readFileOnDisk(join(folder, "provider", "measured.json"), "utf8"))).toMatchObject({
    gflops: warm.gflops,
    isFull: false,
  });

  const lease = leaseFor(provider.id, work);
  expect(await fog.ask({ type: "lease", lease })).toEqual({});
  const { receipt } = await fog.next("result");
  const body = openSigned(RECEIPT_DOMAIN, receipt);
  expect(receipt.signer).toBe(provider.id);
  expect(body).toMatchObject({ lease: lease.id, unit: cidOfValue(lease.unit), steps: 24, rows: 24 * 16 });
  expect(isSignatureOf(publicKeyOfNodeId(provider.id), new Uint8Array(), receipt.signature)).toBe(false);
  const bytes = await readFile(fog.blocks, body.update, { sizeBytesMax: 2 ** 22 });
  const update = decodeVector(bytes, work.weightsLength);
  expect(update.some((value) => value !== 0)).toBe(true);
  expect(update.every(Number.isFinite)).toBe(true);

  // The same unit again gives the same update: it is a pure function of the unit.
  const again = leaseFor(provider.id, work);
  await fog.ask({ type: "lease", lease: again });
  expect((await fog.next("result")).receipt.body.update).toBe(body.update);
  expect(provider.workerPids).toHaveLength(1);
});

test("a lease that names a registry is answered with a statement too, the same one after kill -9, and never by another", async () => {
  const provider = await joinFog();
  await fog.next("hello");
  const lease = leaseFor(provider.id, work, {}, { address: `0:${"7".repeat(64)}`, network: -3 });
  fog.acknowledger = keyPairOfSeed(new Uint8Array(32).fill(6)); // not believed, so it is sent again
  await fog.ask({ type: "lease", lease });
  const first = await fog.next("result");
  assert(first.statement !== null, "it was asked for");
  assertStatementOf(first.statement, first.receipt, lease.registry);
  provider.child.kill("SIGKILL");
  await provider.exited;
  const again = await joinFog();
  expect(await fog.next("result")).toEqual(first);
  fog.acknowledger = FOG;
  await again.logged("result_acknowledged");
  const asked = fog.ask({ type: "lease", lease });
  await expect(asked).rejects.toMatchObject({
    code: "SLOT_SIGNED",
    message: expect.stringContaining("grant a new lease"),
  });
});

test("a lease with a field over its limit is refused with a code, and another provider's too", async () => {
  const provider = await joinFog();
  await fog.next("hello");
  const lease = leaseFor(provider.id, work);
  const tooLong = { ...lease, unit: { ...lease.unit, steps: 1_000_000 } };
  await expect(fog.ask({ type: "lease", lease: tooLong })).rejects.toMatchObject({ code: "SHAPE_INVALID" });
  await expect(fog.ask({ type: "lease", lease, more: 1 })).rejects.toMatchObject({ code: "SHAPE_INVALID" });
  const others = { ...lease, provider: fog.id };
  await expect(fog.ask({ type: "lease", lease: others })).rejects.toMatchObject({ code: "LEASE_NOT_MINE" });
  const huge = work.shards.map((shard) => ({ ...shard, sizeBytes: 2 ** 35 }));
  const tooLarge = leaseFor(provider.id, work, { shards: huge });
  await expect(fog.ask({ type: "lease", lease: tooLarge })).rejects.toMatchObject({
    code: "LEASE_TOO_LARGE",
  });
  await fog.ask({ type: "lease", lease: leaseFor(provider.id, work, ENDLESS) });
  await expect(fog.ask({ type: "lease", lease })).rejects.toMatchObject({ code: "NO_FREE_SLOT" });
});

test("progress travels with heartbeats, and a dropped or revoked lease frees its slot", async () => {
  const provider = await joinFog();
  await fog.next("hello");
  const first = leaseFor(provider.id, work, ENDLESS);
  await fog.ask({ type: "lease", lease: first });
  let step = 0;
  while (step === 0) step = (await fog.next("heartbeat")).progress[0]?.step ?? 0;
  fog.drop = [first.id];
  await provider.logged("unit_failed");
  fog.drop = [];
  const second = leaseFor(provider.id, work, ENDLESS);
  await fog.ask({ type: "lease", lease: second });
  await fog.ask({ type: "revoke", lease: second.id, reason: "no longer needed" });
  await provider.logged("unit_failed");
  await fog.ask({ type: "lease", lease: leaseFor(provider.id, work) });
  await fog.next("result");
  expect(fog.count("release")).toBe(0);
  expect(provider.workerPids).toHaveLength(1);
});

test("a lease whose blocks are not to be had is released with the reason", async () => {
  const provider = await joinFog();
  await fog.next("hello");
  const lease = leaseFor(provider.id, work, { weights: cidOfValue("nothing") });
  await fog.ask({ type: "lease", lease });
  const released = await fog.next("release");
  expect(released.leases).toEqual([lease.id]);
  expect(released.reason).toContain("BLOCK_NOT_FOUND");
});

test("a lease whose program is none is released with the reason, and the worker lives on", async () => {
  const provider = await joinFog();
  await fog.next("hello");
  const program = await fog.blocks.put(encodeCanonical({ kind: "pingo/program/v9" }), "dagCbor");
  const lease = leaseFor(provider.id, work, { program });
  await fog.ask({ type: "lease", lease });
  const released = await fog.next("release");
  expect(released.leases).toEqual([lease.id]);
  expect(released.reason).toContain("PROGRAM_MALFORMED");
  expect(released.reason).toContain(program);
  await fog.ask({ type: "lease", lease: leaseFor(provider.id, work) });
  await fog.next("result");
});

test("an acknowledgement that another than the fog node signed is not believed: the result stays and is sent again", async () => {
  const provider = await joinFog();
  await fog.next("hello");
  fog.acknowledger = keyPairOfSeed(new Uint8Array(32).fill(6));
  const lease = leaseFor(provider.id, work);
  await fog.ask({ type: "lease", lease });
  const { receipt } = await fog.next("result");
  const delayed = await provider.logged("result_delayed");
  expect(delayed["lease"]).toBe(lease.id);
  expect(delayed["error"]).toContain(`where fog node ${fog.id} was asked; it is not believed`);
  fog.acknowledger = FOG;
  expect((await fog.next("result")).receipt).toEqual(receipt);
  expect((await provider.logged("result_acknowledged"))["lease"]).toBe(lease.id);
});

test("a key file that holds no key is refused with its path, and left as it is", async () => {
  const path = join(folder, "provider", "key");
  await mkdir(dirname(path), { recursive: true });
  await writeFileOnDisk(path, "no key");
  const { firstLine, exited } = spawnProvider({ home: folder, fogUrl: fog.url });
  expect(await firstLine).toMatchObject({
    error: { code: "KEY_MALFORMED", message: expect.stringContaining(path) },
  });
  expect(await exited).toBe(1);
  expect(await readFileOnDisk(path, "utf8")).toBe("no key");
});

test("kill -9 of the worker releases the lease, and a fresh worker takes the next", async () => {
  const provider = await joinFog();
  await fog.next("hello");
  const lease = leaseFor(provider.id, work, ENDLESS);
  await fog.ask({ type: "lease", lease });
  while (((await fog.next("heartbeat")).progress[0]?.step ?? 0) === 0);
  process.kill(provider.workerPids[0] ?? 0, "SIGKILL");
  const released = await fog.next("release");
  expect(released.leases).toEqual([lease.id]);
  expect(released.reason).toContain("WORKER_DIED");
  await fog.ask({ type: "lease", lease: leaseFor(provider.id, work) });
  await fog.next("result");
  expect(provider.workerPids).toHaveLength(2);
});

test("kill -9 of the agent takes its worker with it", async () => {
  const provider = await joinFog();
  await fog.next("hello");
  await fog.ask({ type: "lease", lease: leaseFor(provider.id, work, ENDLESS) });
  while (((await fog.next("heartbeat")).progress[0]?.step ?? 0) === 0);
  const [worker = 0] = provider.workerPids;
  provider.child.kill("SIGKILL");
  await provider.exited;
  await gone(worker);
});

test("a result is delivered after the fog node comes back, even by an agent that was killed meanwhile", async () => {
  const provider = await joinFog();
  await fog.next("hello");
  const port = Number(new URL(fog.url).port);
  const lease = leaseFor(provider.id, work, { ...ENDLESS, deadlineMs: 8_000 });
  await fog.ask({ type: "lease", lease });
  while (((await fog.next("heartbeat")).progress[0]?.step ?? 0) === 0);
  await fog[Symbol.asyncDispose]();
  await provider.logged("unit_done");
  provider.child.kill("SIGKILL");
  await provider.exited;
  await joinFog();
  fog = await startScriptedFog({ folder, key: FOG, httpPort: port });
  expect((await fog.next("hello")).held).toEqual([lease.id]);
  const { receipt } = await fog.next("result");
  expect(openSigned(RECEIPT_DOMAIN, receipt).lease).toBe(lease.id);
  const bytes = await readFile(fog.blocks, receipt.body.update, { sizeBytesMax: 2 ** 22 });
  expect(bytes.byteLength).toBe(4 * work.weightsLength);
});

test("a second agent on the same folder is refused", async () => {
  const provider = await joinFog();
  const second = spawnProvider({ home: folder, fogUrl: fog.url });
  expect(await second.firstLine).toMatchObject({
    error: { code: "FOLDER_IN_USE", message: expect.stringContaining(String(provider.child.pid)) },
  });
  expect(await second.exited).toBe(1);
});

test.each([
  ["PINGO_PROVIDER_SLOT", "2", "SETTING_UNKNOWN"],
  ["PINGO_PROVIDER_SLOTS", "many", "SETTING_INVALID"],
])("%s=%s is refused with a code", async (key, value, code) => {
  const { firstLine, exited } = spawnProvider({ home: folder, fogUrl: fog.url, env: { [key]: value } });
  expect(await firstLine).toMatchObject({ error: { code, message: expect.stringContaining(key) } });
  expect(await exited).toBe(1);
});

test("SIGTERM hands the lease back, says goodbye and leaves no process and no lock", async () => {
  const provider = await joinFog();
  await fog.next("hello");
  const lease = leaseFor(provider.id, work, ENDLESS);
  await fog.ask({ type: "lease", lease });
  while (((await fog.next("heartbeat")).progress[0]?.step ?? 0) === 0);
  const [worker = 0] = provider.workerPids;
  provider.child.kill("SIGTERM");
  expect((await fog.next("release")).leases).toEqual([lease.id]);
  await fog.next("goodbye");
  expect(await provider.exited).toBe(0);
  await gone(worker);
  const again = await joinFog();
  expect(again.id).toBe(provider.id);
  const key = await stat(join(folder, "provider", "key"));
  expect(key.mode & 0o777).toBe(0o600);
});

test("the end of stdin stops it when its parent asked for that", async () => {
  const provider = await joinFog({ PINGO_EXIT_WITH_PARENT: "1" });
  provider.child.stdin?.end();
  expect(await provider.exited).toBe(0);
});
