import { rm } from "node:fs/promises";
import { join as joinPath } from "node:path";
import { type JobView, keyPairOfSeed, parseShape, zJobView } from "@pingo/core";
import { systemClock, systemDisk, systemPrng } from "@pingo/core/system";
import { createDiskBlocks } from "@pingo/storage";
import { expect, test } from "vitest";
import { type FogProcess, makePlace, startFog } from "./fog-process.ts";
import { join } from "./scripted-provider.ts";
import { signJob, submit, uploadTinyJob } from "./tiny-job.ts";

const owner = keyPairOfSeed(systemPrng.bytes(32));

async function show(fog: FogProcess, job: JobView): Promise<JobView> {
  return parseShape(zJobView, await (await fetch(`${fog.url}/v1/jobs/${job.id}`)).json(), "the job");
}

test("killed in mid-round, it resumes with what it acknowledged and the leases still held", async () => {
  await using place = await makePlace();
  const killed = await startFog(place);
  const a = await join(killed);
  const b = await join(killed);
  const change = {
    workers: { min: 2, max: 2, cpuMillicores: 100, memoryBytes: 1_000_000 },
    schedule: { rounds: 2, stepsPerRound: 4, batchSize: 8, secondsPerRound: 60 },
  };
  const answer = await submit(killed.url, signJob(await uploadTinyJob(killed.url, change), owner));
  const job = parseShape(zJobView, await answer.json(), "the job");
  const first = await Promise.all([a.nextLease(), b.nextLease()]);
  await a.send(await a.work(first[0]));
  await b.send(await b.work(first[1]));
  const second = await Promise.all([a.nextLease(), b.nextLease()]);
  expect(second.map(({ unit }) => unit.round)).toEqual([2, 2]);
  expect((await a.send(await a.work(second[0]))).body.counted).toBe(true);
  const late = await b.work(second[1]);
  await killed.kill("SIGKILL");
  await a[Symbol.asyncDispose]();
  await b[Symbol.asyncDispose]();

  await using fog = await startFog(place);
  expect(fog.node).toEqual(killed.node);
  expect(await show(fog, job)).toMatchObject({ state: "running", round: 1 });
  await using back = await join(fog, { key: b.key, held: [second[1].id] });
  expect(back.greeting.drop).toEqual([]);
  expect((await back.send(late)).body.counted).toBe(true);
  for (;;) {
    const view = await show(fog, job);
    if (view.finishedAtUnixMs !== null) {
      // Two units in each of two rounds: neither lost nor done twice.
      expect(view).toMatchObject({ state: "succeeded", round: 2, steps: 16, providers: expect.any(Array) });
      expect(view.providers).toHaveLength(2);
      return;
    }
    await systemClock.sleep(50);
  }
});

const oneUnit = {
  workers: { min: 1, max: 1, cpuMillicores: 100, memoryBytes: 1_000_000 },
  schedule: { rounds: 1, stepsPerRound: 2, batchSize: 8, secondsPerRound: 60 },
};

async function untilFinished(fog: FogProcess, job: JobView): Promise<JobView> {
  for (;;) {
    const view = await show(fog, job);
    if (view.finishedAtUnixMs !== null) return view;
    await systemClock.sleep(50);
  }
}

test("stopped while the trained model is written, it writes it after the next start", async () => {
  await using place = await makePlace();
  const stopped = await startFog(place);
  const provider = await join(stopped);
  const answer = await submit(stopped.url, signJob(await uploadTinyJob(stopped.url, oneUnit), owner));
  const job = parseShape(zJobView, await answer.json(), "the job");
  await provider.send(await provider.work(await provider.nextLease()));
  await stopped.kill("SIGTERM");
  await provider[Symbol.asyncDispose]();
  await using fog = await startFog(place);
  expect(await untilFinished(fog, job), stopped.logged()).toMatchObject({ state: "succeeded", round: 1 });
});

test("a job whose blocks are gone ends with a reason, and keeps neither the station nor other jobs down", async () => {
  await using place = await makePlace();
  const killed = await startFog(place);
  const provider = await join(killed);
  const submitted = async (url: string): Promise<JobView> => {
    const answer = await submit(url, signJob(await uploadTinyJob(url, oneUnit), owner));
    return parseShape(zJobView, await answer.json(), "the job");
  };
  const job = await submitted(killed.url);
  const { unit } = await provider.nextLease();
  await killed.kill("SIGKILL");
  await provider[Symbol.asyncDispose]();
  const folder = joinPath(String(place.env["PINGO_HOME"]), "fog", "blocks");
  await rm(createDiskBlocks({ folder, disk: systemDisk }).pathOf(unit.program));

  await using fog = await startFog(place);
  const view = await untilFinished(fog, job);
  expect(view).toMatchObject({ state: "failed", reason: expect.stringContaining("BLOCK_NOT_FOUND") });
  await using other = await join(fog);
  const next = await submitted(fog.url);
  await other.send(await other.work(await other.nextLease()));
  expect((await untilFinished(fog, next)).state).toBe("succeeded");
});
