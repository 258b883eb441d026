/** A real fog node in a process of its own, on free ports and a folder of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import {
  assertDefined,
  type FaultReport,
  type FogNodeView,
  parseShape,
  zErrorBody,
  zFogNodeView,
} from "@pingo/core";
import { freePort } from "@pingo/core/testing";
import { afterAll, beforeAll } from "vitest";
import { z } from "zod";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const NODE_24 = fileURLToPath(new URL("../../../node_modules/.bin/node", import.meta.url));
const zReady = z.object({ ready: z.literal(true), node: zFogNodeView });

export interface FogPlace extends AsyncDisposable {
  readonly env: Readonly<Record<string, string>>;
}

export interface FogProcess extends AsyncDisposable {
  readonly node: FogNodeView;
  readonly url: string;
  kill(signal: "SIGKILL" | "SIGTERM"): Promise<number | null>;
  residentBytes(): Promise<number>;
  /** What it logged. */
  logged(): string;
}

/** The ports stay the same over restarts, as they would in the field. */
export async function makePlace(more: Readonly<Record<string, string>> = {}): Promise<FogPlace> {
  const home = await mkdtemp(join(tmpdir(), "pingo-fog-"));
  return {
    env: {
      PINGO_HOME: home,
      PINGO_FOG_HTTP: `127.0.0.1:${await freePort()}`,
      PINGO_FOG_P2P: `/ip4/127.0.0.1/tcp/${await freePort()}`,
      PINGO_FOG_LEASE_TTL_MS: "3000",
      PINGO_EXIT_WITH_PARENT: "1",
      ...more,
    },
    [Symbol.asyncDispose]: () => rm(home, { recursive: true, force: true }),
  };
}

/** One fog node for all tests of a file. */
export function fogOfFile(): { readonly place: FogPlace; readonly fog: FogProcess } {
  const started = new AsyncDisposableStack();
  let place: FogPlace | undefined;
  let fog: FogProcess | undefined;
  beforeAll(async () => {
    place = started.use(await makePlace());
    fog = started.use(await startFog(place));
  });
  afterAll(() => started.disposeAsync());
  return {
    get place() {
      return assertDefined(place, "started before the first test");
    },
    get fog() {
      return assertDefined(fog, "started before the first test");
    },
  };
}

export async function startFog(place: FogPlace): Promise<FogProcess> {
  const { child, line, logged } = await firstLine(place.env);
  const { node } = parseShape(zReady, JSON.parse(line), `the ready line ${line} ${logged()}`);
  const kill = async (signal: "SIGKILL" | "SIGTERM"): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, "exit");
      child.kill(signal);
      await exited;
    }
    return child.exitCode;
  };
  return {
    node,
    url: node.httpUrl,
    kill,
    logged,
    async residentBytes() {
      const status = await readFile(`/proc/${child.pid}/status`, "utf8");
      return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
    },
    async [Symbol.asyncDispose]() {
      await kill("SIGTERM");
    },
  };
}

/** For a start that must not succeed. */
export async function failToStart(env: Readonly<Record<string, string>>): Promise<FaultReport> {
  const { child, line } = await firstLine(env);
  if (child.exitCode === null) await once(child, "exit");
  if (child.exitCode !== 1) throw new Error(`exited with ${child.exitCode} after ${line}`);
  return parseShape(zErrorBody, JSON.parse(line), "the fault line").error;
}

async function firstLine(
  env: Readonly<Record<string, string>>,
): Promise<{ readonly child: ChildProcess; readonly line: string; readonly logged: () => string }> {
  const child = spawn(NODE_24, [MAIN], { env: { ...env }, stdio: ["pipe", "pipe", "pipe"] });
  let log = "";
  child.stderr.on("data", (chunk: Buffer) => {
    log += chunk.toString();
  });
  const [line] = await once(createInterface(child.stdout), "line");
  return { child, line: String(line), logged: () => log };
}
