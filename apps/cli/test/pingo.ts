/** Runs the real command in a process of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

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
