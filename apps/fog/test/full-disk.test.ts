import { execFileSync } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { join as joinPath } from "node:path";
import { type JobView, keyPairOfSeed, parseShape, zJobView } from "@pingo/core";
import { systemClock, systemPrng } from "@pingo/core/system";
import { expect, test } from "vitest";
import { makePlace, startFog } from "./fog-process.ts";
import { join } from "./scripted-provider.ts";
import { signJob, submit, uploadTinyJob } from "./tiny-job.ts";

const DISK_BYTES = 192 * 1024 * 1024;

/** Only root may; elsewhere the test is skipped. */
function mountSmallDisk(folder: string): boolean {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_BYTES}`, "tmpfs", folder], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Until nothing more fits. */
async function fill(path: string): Promise<void> {
  try {
    await writeFile(path, new Uint8Array(DISK_BYTES));
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
  }
}

test("a disk that fills up in mid-round costs no job: it goes on when there is room", async (context) => {
  await using place = await makePlace();
  const home = String(place.env["PINGO_HOME"]);
  if (!mountSmallDisk(home)) return context.skip("mounting a small disk takes root");
  try {
    await using fog = await startFog(place);
    await using provider = await join(fog);
    const change = {
      workers: { min: 1, max: 1, cpuMillicores: 100, memoryBytes: 1_000_000 },
      schedule: { rounds: 2, stepsPerRound: 2, batchSize: 8, secondsPerRound: 60 },
    };
    const owner = keyPairOfSeed(systemPrng.bytes(32));
    const answer = await submit(fog.url, signJob(await uploadTinyJob(fog.url, change), owner));
    const job = parseShape(zJobView, await answer.json(), "the job");
    const receipt = await provider.work(await provider.nextLease());
    const filler = joinPath(home, "filler");
    await fill(filler);
    const sent = provider.send(receipt).then(
      () => "taken",
      () => "refused",
    );
    const first = await Promise.race([sent, systemClock.sleep(3_000).then(() => "late")]);
    await rm(filler);
    if (first === "refused") await provider.send(receipt);
    await provider.send(await provider.work(await provider.nextLease()));
    for (;;) {
      const shown = await fetch(`${fog.url}/v1/jobs/${job.id}`);
      const view: JobView = parseShape(zJobView, await shown.json(), "the job");
      if (view.finishedAtUnixMs !== null) {
        expect(view, fog.logged()).toMatchObject({ state: "succeeded", round: 2 });
        break;
      }
      await systemClock.sleep(50);
    }
    expect(fog.logged()).toContain("No space left on device");
  } finally {
    execFileSync("umount", ["-l", home]);
  }
});
