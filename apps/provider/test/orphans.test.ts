/** No worker outlives its agent, whatever it was in the middle of when the agent was killed. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createPrng } from "@pingo/core";
import { afterEach, beforeEach, expect, test } from "vitest";

const at = (name: string) => fileURLToPath(new URL(`./escape/${name}`, import.meta.url));
const KILLS = 40;
const KILL_MS_MAX = 150;

let home = "";
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "pingo-orphans-"));
});
afterEach(() => rm(home, { recursive: true }));

/** Every program of a worker's start names the folder. */
async function ofHome(): Promise<readonly string[]> {
  const found: string[] = [];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const words = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => ""); // it ended meanwhile
    if (words.includes(home)) found.push(`${pid} ${words.split("\0")[0]}`);
  }
  return found;
}

test(`an agent killed ${KILLS} times in the middle of starting workers leaves none`, async () => {
  const prng = createPrng(1);
  for (let kill = 0; kill < KILLS; kill++) {
    const agent = spawn(process.execPath, [at("starter.ts"), home, at("sleeper.ts")], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    await once(agent.stdout, "data");
    await pause(prng.float() * KILL_MS_MAX);
    agent.kill("SIGKILL");
    await once(agent, "exit");
  }
  await expect.poll(ofHome, { timeout: 20_000 }).toEqual([]);
});
