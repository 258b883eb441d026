/** A fog node and providers as real processes, and job files of modules that a test writes as text. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import loadWabt from "wabt";
import { SCRIPTS } from "../src/local/scripts.ts";
import { pingo, type Ran, type ServingFog } from "./pingo.ts";

const wabt = await loadWabt();

/** Ready once its fog node knows it. */
export async function startProvider(home: string, fog: ServingFog, slots = 1): Promise<AsyncDisposable> {
  const child: ChildProcess = spawn(process.execPath, [SCRIPTS.provider], {
    env: {
      PATH: process.env["PATH"] ?? "",
      NODE_COMPILE_CACHE: join(tmpdir(), "pingo-test-compile-cache"),
      PINGO_HOME: home,
      PINGO_FOG: fog.url,
      PINGO_PROVIDER_POLICY: "off",
      PINGO_PROVIDER_SLOTS: String(slots),
    },
    stdio: ["ignore", "pipe", "ignore"],
  });
  if (child.stdout) await once(child.stdout, "data");
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      if (child.exitCode === null) await once(child, "exit");
    },
  };
}

export interface Written {
  readonly wat: string;
  /** Lines of the job file beside those that each has. */
  readonly lines?: readonly string[];
  readonly texts?: Readonly<Record<string, string>>;
}

/** @returns the job file */
export async function writeRunJob(folder: string, { wat, lines = [], texts = {} }: Written): Promise<string> {
  await mkdir(join(folder, "texts"), { recursive: true });
  for (const [name, text] of Object.entries(texts)) await writeFile(join(folder, "texts", name), text);
  const module = wabt.parseWat("job.wat", wat);
  await writeFile(join(folder, "job.wasm"), module.toBinary({}).buffer);
  const head = ["apiVersion: pingo/v1", "kind: Run", "name: test", "module: ./job.wasm"];
  const workers = "workers: { resources: { cpu: 100m, memory: 1Mi } }";
  const path = join(folder, "job.yaml");
  await writeFile(path, `${[...head, workers, ...lines].join("\n")}\n`);
  return path;
}

export interface Ended {
  readonly id: string;
  readonly shown: Ran;
  readonly view: { readonly state: string; readonly reason: string | null };
}

/** Submitted, and followed to its end. */
export async function runJob(job: string, fog: ServingFog): Promise<Ended> {
  const submitted = await pingo(["job", "submit", job, "--json"], fog.env);
  if (submitted.exitCode !== 0) throw new Error(submitted.stdout + submitted.stderr);
  const { id } = JSON.parse(submitted.stdout.trim().split("\n").at(-1) ?? "");
  const shown = await pingo(["job", "show", id, "--follow"], fog.env);
  const { stdout } = await pingo(["job", "show", id, "--json"], fog.env);
  return { id, shown, view: JSON.parse(stdout) };
}
