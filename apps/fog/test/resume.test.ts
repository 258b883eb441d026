import { type JobView, keyPairOfSeed, parseShape, zJobView } from "@pingo/core";
import { systemClock, systemPrng } from "@pingo/core/system";
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
