/** The real provider process, as a test sees it: its ready line, its log lines, its workers. */
import { type ChildProcess, spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type NodeId, parseNodeId } from "@pingo/core";

export interface ProviderProcess extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly id: NodeId;
  readonly workerPids: readonly number[];
  /** The next log line with this event that nobody has taken yet. */
  logged(event: string): Promise<Readonly<Record<string, unknown>>>;
  readonly exited: Promise<number | NodeJS.Signals | null>;
}

/** Tests of the owner's policy name one; for all others this machine has no owner. */
const NO_POLICY = { PINGO_PROVIDER_POLICY: "off" };
const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));
/** Compiled code is the same for every test. */
const SHARED_CACHE = { NODE_COMPILE_CACHE: join(tmpdir(), "pingo-test-compile-cache") };
export const NODE = fileURLToPath(new URL("../../../node_modules/.bin/node", import.meta.url));

export interface ProviderProcessOptions {
  readonly home: string;
  readonly fogUrl: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** The first line on stdout, whatever it says, and the exit. */
export function spawnProvider({ home, fogUrl, env = {} }: ProviderProcessOptions): {
  readonly child: ChildProcess;
  readonly firstLine: Promise<Readonly<Record<string, unknown>>>;
  readonly exited: Promise<number | NodeJS.Signals | null>;
} {
  const child = spawn(NODE, [MAIN], {
    env: {
      PATH: String(process.env["PATH"]),
      PINGO_HOME: home,
      PINGO_FOG: fogUrl,
      ...NO_POLICY,
      ...SHARED_CACHE,
      ...env,
    },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const firstLine = new Promise<Readonly<Record<string, unknown>>>((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", (line) => resolve(JSON.parse(line)));
    child.once("error", reject);
  });
  const exited = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.once("exit", (code, signal) => resolve(signal ?? code));
  });
  return { child, firstLine, exited };
}

export async function startProvider(options: ProviderProcessOptions): Promise<ProviderProcess> {
  const { child, firstLine, exited } = spawnProvider(options);
  const workerPids: number[] = [];
  const lines: Readonly<Record<string, unknown>>[] = [];
  const waiters: { readonly event: string; readonly resolve: (line: Record<string, unknown>) => void }[] = [];
  const text: string[] = [];
  if (child.stderr) {
    createInterface({ input: child.stderr }).on("line", (raw) => {
      text.push(raw);
      if (!raw.startsWith("{")) return;
      const line: Record<string, unknown> = JSON.parse(raw);
      if (line["event"] === "worker_started" && line["purpose"] === "units")
        workerPids.push(Number(line["pid"]));
      const at = waiters.findIndex(({ event }) => event === line["event"]);
      const [waiter] = at < 0 ? [] : waiters.splice(at, 1);
      if (waiter) waiter.resolve(line);
      else lines.push(line);
    });
  }
  const first = await firstLine;
  if (first["ready"] !== true) throw new Error(`not ready: ${JSON.stringify(first)}\n${text.join("\n")}`);
  return {
    child,
    id: parseNodeId(String(first["provider"])),
    workerPids,
    exited,
    logged: (event) =>
      new Promise((resolve) => {
        const at = lines.findIndex((line) => line["event"] === event);
        const [found] = at < 0 ? [] : lines.splice(at, 1);
        if (found) resolve(found);
        else waiters.push({ event, resolve });
      }),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

/** Whether a process is there and no zombie. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Far more than it takes: how fast is for benchmarks, and other tests compute meanwhile. */
const GONE_MS_MAX = 20_000;

/** Resolves once the process is gone; rejects when it stays. */
export async function gone(pid: number): Promise<void> {
  const endMs = performance.now() + GONE_MS_MAX;
  while (isAlive(pid)) {
    if (performance.now() > endMs) throw new Error(`process ${pid} still runs after ${GONE_MS_MAX} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
