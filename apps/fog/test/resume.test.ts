import { rm } from "node:fs/promises";
import { join as joinPath } from "node:path";
import { assert, isRunUnit, keyPairOfSeed } from "@pingo/core";
import { systemDisk, systemPrng } from "@pingo/core/system";
import { createDiskBlocks } from "@pingo/storage";
import { expect, test } from "vitest";
import { makePlace, startFog } from "./fog-process.ts";
import { join } from "./scripted-provider.ts";
import { acceptTinyJob, ONE_UNIT, showJob, untilFinished } from "./tiny-job.ts";

const owner = keyPairOfSeed(systemPrng.bytes(32));

test("killed in mid-round, it resumes with what it acknowledged and the leases still held", async () => {
  await using place = await makePlace();
  const killed = await startFog(place);
  const a = await join(killed);
  const b = await join(killed);
  const change = {
    workers: { min: 2, max: 2, cpuMillicores: 100, memoryBytes: 64 * 2 ** 20 },
    schedule: { rounds: 2, stepsPerRound: 4, batchSize: 8, secondsPerRound: 60 },
  };
  const job = await acceptTinyJob(killed.url, owner, change);
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
  expect(await showJob(fog.url, job)).toMatchObject({ state: "running", round: 1 });
  await using back = await join(fog, { key: b.key, held: [second[1].id] });
  expect(back.greeting.drop).toEqual([]);
  expect((await back.send(late)).body.counted).toBe(true);
  const view = await untilFinished(fog.url, job);
  // Two units in each of two rounds: neither lost nor done twice.
  expect(view).toMatchObject({ state: "succeeded", round: 2, steps: 16, providers: expect.any(Array) });
  expect(view.providers).toHaveLength(2);
});

const oneUnit = {
  ...ONE_UNIT,
  schedule: { rounds: 1, stepsPerRound: 2, batchSize: 8, secondsPerRound: 60 },
};

test("stopped while the trained model is written, it writes it after the next start", async () => {
  await using place = await makePlace();
  const stopped = await startFog(place);
  const provider = await join(stopped);
  const job = await acceptTinyJob(stopped.url, owner, oneUnit);
  await provider.send(await provider.work(await provider.nextLease()));
  await stopped.kill("SIGTERM");
  await provider[Symbol.asyncDispose]();
  await using fog = await startFog(place);
  expect(await untilFinished(fog.url, job), stopped.logged()).toMatchObject({ state: "succeeded", round: 1 });
});

test("a job whose blocks are gone ends with a reason, and keeps neither the station nor other jobs down", async () => {
  await using place = await makePlace();
  const killed = await startFog(place);
  const provider = await join(killed);
  const job = await acceptTinyJob(killed.url, owner, oneUnit);
  const { unit } = await provider.nextLease();
  assert(!isRunUnit(unit), "it trains");
  await killed.kill("SIGKILL");
  await provider[Symbol.asyncDispose]();
  const folder = joinPath(String(place.env["PINGO_HOME"]), "fog", "blocks");
  await rm(createDiskBlocks({ folder, disk: systemDisk }).pathOf(unit.program));

  await using fog = await startFog(place);
  const view = await untilFinished(fog.url, job);
  expect(view).toMatchObject({ state: "failed", reason: expect.stringContaining("BLOCK_NOT_FOUND") });
  await using other = await join(fog);
  const next = await acceptTinyJob(fog.url, owner, oneUnit);
  await other.send(await other.work(await other.nextLease()));
  expect((await untilFinished(fog.url, next)).state).toBe("succeeded");
});
