import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keyPairOfSeed, openSigned, RECEIPT_DOMAIN } from "@pingo/core";
import { expect, test } from "vitest";
import { startProvider } from "./provider-process.ts";
import { startScriptedFog } from "./scripted-fog.ts";
import { leaseFor, storeWork } from "./work.ts";

const DISK_BYTES = 32 * 1024 * 1024;
/** As many as a unit may have: it ends long after the disk is full. */
const LONG = { steps: 10_000, deadlineMs: 600_000 } as const;

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
  const full = (error: unknown): void => {
    if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
  };
  await writeFile(path, new Uint8Array(DISK_BYTES)).catch(full);
}

test("a disk that fills up in mid-unit costs that unit and no more: the next works when there is room", async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "pingo-full-"));
  const home = join(folder, "home");
  await mkdir(home);
  if (!mountSmallDisk(home)) return context.skip("mounting a small disk takes root");
  try {
    await using fog = await startScriptedFog({ folder, key: keyPairOfSeed(new Uint8Array(32).fill(7)) });
    const work = await storeWork(fog.blocks);
    await using provider = await startProvider({ home, fogUrl: fog.url });
    await fog.next("hello");

    const first = leaseFor(provider.id, work, LONG);
    await fog.ask({ type: "lease", lease: first });
    while (((await fog.next("heartbeat")).progress[0]?.step ?? 0) === 0);
    const filler = join(home, "filler");
    await fill(filler);
    expect(await fog.next("release")).toMatchObject({
      leases: [first.id],
      reason: expect.stringMatching(/^DISK_FULL: no room .* free some space/),
    });

    // Blocks that do not fit are no reason to fall either.
    const other = await storeWork(fog.blocks, 48);
    const second = leaseFor(provider.id, other);
    await fog.ask({ type: "lease", lease: second });
    expect(await fog.next("release")).toMatchObject({
      leases: [second.id],
      reason: expect.stringMatching(/^DISK_FULL: /),
    });

    await rm(filler);
    const third = leaseFor(provider.id, other);
    await fog.ask({ type: "lease", lease: third });
    const { receipt } = await fog.next("result");
    expect(openSigned(RECEIPT_DOMAIN, receipt)).toMatchObject({ lease: third.id, steps: 24 });
    expect(provider.workerPids).toHaveLength(1);
    expect(provider.child.exitCode).toBeNull();
  } finally {
    execFileSync("umount", ["-l", home]);
    await rm(folder, { recursive: true, force: true });
  }
});
