/** Runs the real command in a process of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "@pingo/core/testing";
import { lockFolder } from "@pingo/storage";
import { expect } from "vitest";

export const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));

export interface Ran {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ran>;
  /** Resolves once this text has been on stdout. */
  saw(text: string): Promise<void>;
  /** So far. */
  stdout(): string;
}

export function startPingo(args: readonly string[], env: Readonly<Record<string, string>>): Running {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  const watchers: (() => void)[] = [];
  child.stdout.on("data", (chunk) => {
    stdout += String(chunk);
    for (const watch of watchers) watch();
  });
  child.stderr.on("data", (chunk) => {
    stderr += String(chunk);
  });
  const ended = new Promise<Ran>((resolve) => {
    child.once("close", (exitCode) => resolve({ exitCode, stdout, stderr }));
  });
  return {
    child,
    ended,
    stdout: () => stdout,
    saw: (text) =>
      new Promise((resolve, reject) => {
        const watch = (): void => {
          if (stdout.includes(text)) resolve();
        };
        watchers.push(watch);
        watch();
        void ended.then(() => reject(new Error(`it ended before it said ${text}:\n${stdout}\n${stderr}`)));
      }),
  };
}

export function pingo(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  return startPingo(args, env).ended;
}

/** One sentence with its code, exit code 1, and no insides. */
export function expectRefused(ran: Ran, code: string, parts: readonly string[]): void {
  expect(ran.stderr).toContain(`(${code})`);
  expect(ran.exitCode).toBe(1);
  expect(ran.stderr.trim().split("\n")).toHaveLength(1);
  for (const part of parts) expect(ran.stderr).toContain(part);
  expect(ran.stderr).not.toMatch(/^\s+at /m);
}

/** Processes that have this home in their environment: all that a command started there, and theirs. */
export async function processesOf(home: string): Promise<readonly string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found: string[] = [];
  for (const pid of pids) {
    const environment = await readFile(`/proc/${pid}/environ`, "utf8").catch(() => ""); // it ended meanwhile
    if (environment.split("\0").includes(`PINGO_HOME=${home}`)) found.push(pid);
  }
  return found;
}

/** No process and no lock of `pingo up`. */
export async function expectNothingLeft(home: string): Promise<void> {
  expect(await processesOf(home)).toEqual([]);
  for (const folder of ["devnet", "fog", "provider-1", "provider-2", "provider-3"]) {
    await using lock = await lockFolder(join(home, folder));
    expect(lock).toBeDefined();
  }
}

export interface ServingFog extends AsyncDisposable {
  readonly url: string;
  /** Of commands that talk to it. */
  readonly env: Readonly<Record<string, string>>;
}

/** `pingo fog serve` on a home of its own. */
export async function serveFog(home: string): Promise<ServingFog> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const env = { PINGO_HOME: home, PINGO_FOG: url };
  const serving = startPingo(["fog", "serve", "--port", String(port)], env);
  await serving.saw(`at ${url}`);
  return {
    url,
    env,
    async [Symbol.asyncDispose]() {
      serving.child.kill("SIGINT");
      await serving.ended;
    },
  };
}
