import {
  assert,
  type Cid,
  type JobView,
  keyPairOfSeed,
  openSigned,
  parseShape,
  RECEIPT_ACK_DOMAIN,
  type TrainJob,
} from "@pingo/core";
import { systemClock, systemPrng } from "@pingo/core/system";
import { readFile } from "@pingo/storage";
import { zMetricRecord, zProvenance } from "@pingo/training";
import { expect, test } from "vitest";
import { fogOfFile } from "./fog-process.ts";
import { join, type ScriptedProvider } from "./scripted-provider.ts";
import { acceptTinyJob, blocksOf, ONE_UNIT, showJob } from "./tiny-job.ts";

const owner = keyPairOfSeed(systemPrng.bytes(32));
const here = fogOfFile();

const accepted = (change: Partial<TrainJob> = {}): Promise<JobView> =>
  acceptTinyJob(here.fog.url, owner, change);

async function untilState(job: JobView, state: JobView["state"]): Promise<JobView> {
  for (;;) {
    const view = await showJob(here.fog.url, job);
    if (view.state === state) return view;
    if (view.finishedAtUnixMs !== null)
      throw new Error(`${view.state}: ${view.reason}\n${here.fog.logged()}`);
    await systemClock.sleep(50);
  }
}

async function workUntilEnd(provider: ScriptedProvider, units: number): Promise<void> {
  for (let done = 0; done < units; done++)
    await provider.send(await provider.work(await provider.nextLease()));
}

test("a job trains round by round and comes back as a model with metrics and provenance", async () => {
  await using provider = await join(here.fog);
  const job = await accepted(ONE_UNIT);
  await workUntilEnd(provider, 3);
  const view = await untilState(job, "succeeded");
  expect(view).toMatchObject({ round: 3, steps: 12, rows: 96, providers: [provider.key.nodeId] });
  expect(view.evaluation?.round).toBe(3);
  expect(view.evaluation?.accuracy).toBeGreaterThan(0.5);
  expect(view.bytesUp).toBeGreaterThan(0);
  expect(view.bytesDown).toBeGreaterThan(0);
  const { result } = view;
  assert(result !== null && "model" in result, "it was trained");
  const blocks = blocksOf(here.fog.url);
  const json = async (cid: Cid | undefined): Promise<unknown> =>
    cid && JSON.parse(new TextDecoder().decode(await readFile(blocks, cid, { sizeBytesMax: 1e6 })));
  const provenance = parseShape(zProvenance, await json(result.provenance), "provenance.json");
  expect(provenance.rounds.map(({ units }) => units.length)).toEqual([1, 1, 1]);
  expect(await blocks.has(provenance.rounds[0]?.units[0]?.receipt ?? job.id)).toBe(true);
  const metrics = parseShape(zMetricRecord.array(), await json(result.metrics), "metrics.json");
  expect(metrics.at(-1)?.testAccuracy).toBe(view.evaluation?.accuracy);
  expect(await here.fog.residentBytes()).toBeLessThan(500e6);
});

test("a result sent twice gets the same acknowledgement twice and counts once", async () => {
  await using provider = await join(here.fog);
  const job = await accepted({
    ...ONE_UNIT,
    schedule: { rounds: 1, stepsPerRound: 2, batchSize: 8, secondsPerRound: 60 },
  });
  const receipt = await provider.work(await provider.nextLease());
  const first = await provider.send(receipt);
  expect(openSigned(RECEIPT_ACK_DOMAIN, first).counted).toBe(true);
  expect(await provider.send(receipt)).toEqual(first);
  expect((await untilState(job, "succeeded")).rows).toBe(16);
  expect(await provider.send(receipt)).toEqual(first);
});

test("updates that are not finite, of the wrong length or not uploaded are refused, and another tries", async () => {
  await using bad = await join(here.fog);
  const job = await accepted({
    ...ONE_UNIT,
    schedule: { rounds: 1, stepsPerRound: 2, batchSize: 8, secondsPerRound: 60 },
  });
  const lease = await bad.nextLease();
  const absent = { ...(await bad.claim(lease, new Float32Array(6))), update: job.id };
  await expect(bad.send(absent)).rejects.toMatchObject({ code: "BLOCK_MISSING" });
  const notFinite = await bad.claim(lease, new Float32Array(6).fill(Number.NaN));
  await expect(bad.send(notFinite)).rejects.toMatchObject({ code: "UPDATE_INVALID" });
  await using good = await join(here.fog);
  const retried = await good.nextLease();
  expect(retried.attempt).toBe(2);
  const wrongLength = await good.claim(retried, new Float32Array(5));
  await expect(good.send(wrongLength)).rejects.toMatchObject({ code: "UPDATE_INVALID" });
  const third = await Promise.race([good.nextLease(), bad.nextLease()]);
  const worker = third.provider === good.key.nodeId ? good : bad;
  await worker.send(await worker.work(third));
  await untilState(job, "succeeded");
});

test("work of strangers is refused, and costs the rightful provider nothing", async () => {
  await using provider = await join(here.fog);
  await using stranger = await join(here.fog, { slots: 0 });
  const job = await accepted({
    ...ONE_UNIT,
    schedule: { rounds: 1, stepsPerRound: 2, batchSize: 8, secondsPerRound: 60 },
  });
  const lease = await provider.nextLease();
  const receipt = await provider.work(lease);
  const refusals = [
    stranger.send({ ...receipt, provider: stranger.key.nodeId }),
    stranger.send(receipt, provider.key),
    provider.send({ ...receipt, provider: stranger.key.nodeId }, stranger.key),
  ];
  // all awaited at once: one that rejects before its turn would be an unhandled rejection
  await Promise.all(refusals.map((refusal) => expect(refusal).rejects.toMatchObject({ code: "STRANGER" })));
  await expect(provider.send(receipt, stranger.key)).rejects.toMatchObject({ code: "STRANGER" });
  await expect(provider.send({ ...receipt, unit: job.id })).rejects.toMatchObject({ code: "UNIT_MISMATCH" });
  await expect(provider.send({ ...receipt, rows: 1_000 })).rejects.toMatchObject({ code: "UNIT_MISMATCH" });
  await expect(provider.channel.request({ type: "nonsense" })).rejects.toMatchObject({
    code: "SHAPE_INVALID",
  });
  expect((await provider.send(receipt)).body.counted).toBe(true);
  await untilState(job, "succeeded");
});

test("a silent provider loses its lease after the ttl, and its late result is acknowledged without counting", async () => {
  const slow = await join(here.fog);
  const job = await accepted({
    ...ONE_UNIT,
    schedule: { rounds: 1, stepsPerRound: 2, batchSize: 8, secondsPerRound: 60 },
  });
  const lease = await slow.nextLease();
  const receipt = await slow.work(lease);
  await slow[Symbol.asyncDispose]();
  await using other = await join(here.fog);
  const again = await other.nextLease();
  expect(again).toMatchObject({ attempt: 2, unit: lease.unit });
  await other.send(await other.work(again));
  await untilState(job, "succeeded");
  await using back = await join(here.fog, { key: slow.key, held: [lease.id] });
  expect(back.greeting.drop).toEqual([lease.id]);
  expect((await back.send(receipt)).body.counted).toBe(false);
});

test("a provider that never succeeds makes the job fail with a reason", async () => {
  await using bad = await join(here.fog);
  const job = await accepted({ ...ONE_UNIT, retryMax: 1 });
  for (let attempt = 1; attempt <= 2; attempt++) {
    const claim = await bad.claim(await bad.nextLease(), new Float32Array(1));
    await expect(bad.send(claim)).rejects.toMatchObject({ code: "UPDATE_INVALID" });
  }
  expect((await untilState(job, "failed")).reason).toContain("unit 0 failed 2 times");
});

test("a second process with a key that works here is refused, and taken once the first has left", async () => {
  const key = keyPairOfSeed(systemPrng.bytes(32));
  await using first = await join(here.fog, { key, instance: "the-first-process" });
  const second = { key, instance: "the-second-process" };
  await expect(join(here.fog, second)).rejects.toMatchObject({
    code: "KEY_IN_USE",
    message: expect.stringContaining("PINGO_PROVIDER_DIR"),
  });
  expect(await first.ask({ type: "heartbeat", sequence: 9, progress: [] })).toEqual({ drop: [] });
  // The same process over a new channel takes the place of its own.
  await using again = await join(here.fog, { key, instance: "the-first-process" });
  await expect(first.ask({ type: "heartbeat", sequence: 10, progress: [] })).rejects.toMatchObject({
    code: expect.stringMatching(/^(HELLO_EXPECTED|CHANNEL_CLOSED)$/),
  });
  await again.ask({ type: "goodbye" });
  await using taken = await join(here.fog, second);
  expect(taken.greeting.drop).toEqual([]);
});
