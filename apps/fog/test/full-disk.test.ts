import { execFileSync } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { join as joinPath } from "node:path";
import { keyPairOfSeed } from "@pingo/core";
import { systemClock, systemPrng } from "@pingo/core/system";
import { expect, test } from "vitest";
import { makePlace, startFog } from "./fog-process.ts";
import { join } from "./scripted-provider.ts";
import { acceptTinyJob, ONE_UNIT, untilFinished } from "./tiny-job.ts";

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
      ...ONE_UNIT,
      schedule: { rounds: 2, stepsPerRound: 2, batchSize: 8, secondsPerRound: 60 },
    };
    const owner = keyPairOfSeed(systemPrng.bytes(32));
    const job = await acceptTinyJob(fog.url, owner, change);
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
    const view = await untilFinished(fog.url, job);
    expect(view, fog.logged()).toMatchObject({ state: "succeeded", round: 2 });
    expect(fog.logged()).toContain("No space left on device");
  } finally {
    execFileSync("umount", ["-l", home]);
  }
});
