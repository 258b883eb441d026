/** What works in the background while the owner's programs are measured: nothing, ours, and what others do. */
import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Lending } from "./lending.ts";
import { untilMachineIs } from "./proc.ts";
import { startInSession } from "./session.ts";

export type BackgroundName = "no agent" | "PinGo, gentle" | "nice 19" | "BOINC";

export interface Background {
  readonly name: BackgroundName;
  /** Why it cannot be measured here. */
  readonly missing: string | null;
  /** Resolves once it works on every core. */
  start(): Promise<AsyncDisposable>;
}

const CLI = fileURLToPath(new URL("../../../apps/cli/src/main.ts", import.meta.url));
const BUSY_MS_MAX = 30_000;
/** Its client answers once it has read its folder. */
const BOINC_TRIES_MAX = 20;
const BOINC_TRY_MS = 250;

export function backgrounds(lending: Lending): readonly Background[] {
  return [
    { name: "no agent", missing: null, start: async () => new AsyncDisposableStack() },
    {
      name: "PinGo, gentle",
      missing: null,
      start: async () => {
        await using owned = new AsyncDisposableStack();
        await owned.use(await lending.join("profile: gentle\n")).working();
        return owned.move();
      },
    },
    { name: "nice 19", missing: null, start: () => startNice(lending.jobFile) },
    {
      name: "BOINC",
      missing: hasBoinc() ? null : "boinc-client is not installed",
      start: startBoinc,
    },
  ];
}

/** The same training without the network and without a policy, one process for each core. */
async function startNice(jobFile: string): Promise<AsyncDisposable> {
  await using owned = new AsyncDisposableStack();
  const home = await mkdtemp(join(tmpdir(), "pingo-bench-nice-"));
  owned.defer(() => rm(home, { recursive: true, force: true }));
  const words = ["-n", "19", process.execPath, CLI, "autograd", "train", jobFile];
  const processes = ["--processes", String(availableParallelism())];
  owned.use(startInSession("nice", [...words, ...processes], { env: { PINGO_HOME: home } }));
  await busy("nice 19");
  return owned.move();
}

function hasBoinc(): boolean {
  return ["boinc", "boinccmd"].every((program) => spawnSync(program, ["--version"]).error === undefined);
}

/** Its client with the settings that it comes with; no project can be reached, so its own CPU benchmarks are the work. */
async function startBoinc(): Promise<AsyncDisposable> {
  await using owned = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "pingo-bench-boinc-"));
  owned.defer(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, "gui_rpc_auth.cfg"), "");
  owned.use(startInSession("boinc", ["--dir", folder], { folder }));
  for (let tries = 1; spawnSync("boinccmd", ["--run_benchmarks"], { cwd: folder }).status !== 0; tries++) {
    if (tries >= BOINC_TRIES_MAX) throw new Error("boinc-client does not answer boinccmd");
    await pause(BOINC_TRY_MS);
  }
  await busy("BOINC");
  return owned.move();
}

async function busy(name: BackgroundName): Promise<void> {
  if (!(await untilMachineIs("busy", BUSY_MS_MAX))) {
    throw new Error(`${name} does not use every core, or not within ${BUSY_MS_MAX / 1_000} s`);
  }
}
