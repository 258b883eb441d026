/** Ctrl-Z: an agent that stands still watches for nobody, so its workers stand still before it. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keyPairOfSeed } from "@pingo/core";
import { expect, test } from "vitest";
import { startProvider } from "./provider-process.ts";
import { startScriptedFog } from "./scripted-fog.ts";
import { leaseFor, storeWork } from "./work.ts";

async function stateOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).charAt(0);
}

test("Ctrl-Z stops the worker and the agent, and both go on together", async () => {
  const folder = await mkdtemp(join(tmpdir(), "pingo-stopped-"));
  try {
    await using fog = await startScriptedFog({ folder, key: keyPairOfSeed(new Uint8Array(32).fill(9)) });
    const work = await storeWork(fog.blocks, 32_768);
    await using provider = await startProvider({ home: folder, fogUrl: fog.url });
    while ((await fog.next("offer")).offer.slots === 0);
    const lease = leaseFor(provider.id, work, { steps: 10_000, deadlineMs: 600_000 });
    await fog.ask({ type: "lease", lease });
    while (((await fog.next("heartbeat")).progress[0]?.step ?? 0) === 0);
    const pids = [provider.workerPids.at(-1) ?? expect.fail("no worker"), provider.child.pid ?? 0];
    const states = () => Promise.all(pids.map(stateOf));
    provider.child.kill("SIGTSTP");
    await expect.poll(states, { timeout: 10_000 }).toEqual(["T", "T"]);
    provider.child.kill("SIGCONT");
    await expect.poll(states, { timeout: 10_000 }).not.toContain("T");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
