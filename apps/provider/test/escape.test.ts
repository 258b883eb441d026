/**
 * The walls around a worker, tried from inside: by a program behind Node's permissions, and by one that has broken
 * through them, as a fault of the native library could.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { silentLog } from "@pingo/core/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { findLauncher } from "../src/worker/launcher.ts";
import { BUBBLEWRAP_PROBE, bubblewrap, resourceLimits, SECCOMP_FD } from "../src/worker/sandbox.ts";
import { seccompFilter } from "../src/worker/seccomp.ts";
import type { Orders, Report } from "./escape/prisoner.ts";

const PRISONER = fileURLToPath(new URL("./escape/prisoner.ts", import.meta.url));
const canWall = spawnSync(BUBBLEWRAP_PROBE[0], [...BUBBLEWRAP_PROBE.slice(1), "true"]).status === 0;

let home = "";
let server: Server;
let orders: Orders;
const folders = () => ({
  blocks: join(home, "blocks"),
  updates: join(home, "updates"),
  compileCache: join(home, "compile-cache"),
});

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "pingo-escape-"));
  for (const folder of Object.values(folders())) await mkdir(folder);
  await writeFile(join(home, "provider.key"), "the agent's key");
  server = createServer((socket) => socket.end()).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  orders = {
    secrets: [join(home, "provider.key"), "/etc/passwd", "/etc/hosts"],
    forbidden: [home, folders().blocks, "/", "/tmp", "/dev", "/dev/shm", "/usr", process.cwd()],
    updates: folders().updates,
    port: typeof address === "object" && address ? address.port : 0,
    agent: process.pid,
  };
});
afterEach(async () => {
  server.close();
  await rm(home, { recursive: true });
});

async function interrogate(child: ChildProcess): Promise<Report> {
  child.on("message", (message: unknown) => {
    if (typeof message === "object" && message !== null && "ready" in message) child.send(orders);
  });
  for await (const [message] of on(child)) {
    if (!("ready" in message)) {
      child.kill("SIGKILL");
      return message;
    }
  }
  return expect.fail("the prisoner ended without a word");
}

async function* on(child: ChildProcess): AsyncGenerator<[Report]> {
  while (child.connected) {
    const message: unknown = await Promise.race([
      once(child, "message"),
      once(child, "exit").then(() => undefined),
    ]);
    if (!Array.isArray(message)) return;
    yield [message[0]];
  }
}

const succeeded = (report: Report) => Object.entries(report).filter(([, how]) => how !== null);

test("a worker as the agent starts it gets out nowhere", async () => {
  const environment = { PATH: String(process.env["PATH"]), NODE_COMPILE_CACHE: folders().compileCache };
  const launcher = await findLauncher({ environment, folders: folders(), log: silentLog, entry: PRISONER });
  const report = await interrogate(launcher.start(() => undefined));
  // Node's permissions of this version leave the network open; only the walls close it.
  const open = canWall ? [] : ["reach the network"];
  expect(succeeded(report).filter(([name]) => !open.includes(name))).toEqual([]);
  expect(Object.keys(report)).toHaveLength(11);
});

describe.skipIf(!canWall)("past Node's permissions, behind the walls alone", () => {
  function walled(program: readonly string[], memoryBytesMax?: number): ChildProcess {
    const [command, ...words] = [...resourceLimits(memoryBytesMax), ...bubblewrap(folders()), ...program];
    const child = spawn(command, words, {
      stdio: ["ignore", "ignore", "ignore", "ipc", "pipe", "pipe"],
      serialization: "advanced",
      env: { PATH: "/usr/bin:/bin" },
    });
    const pipes: readonly unknown[] = child.stdio;
    const filter = pipes[SECCOMP_FD];
    if (filter instanceof Writable) filter.end(seccompFilter(process.arch));
    return child;
  }

  test("it gets out nowhere, starts no process and fills no disk", async () => {
    const report = await interrogate(walled([process.execPath, PRISONER]));
    // A thread is its own affair: it runs behind the same walls.
    expect(succeeded(report).map(([name]) => name)).toEqual(["start a thread of its own"]);
  });

  test("a flood of memory ends the flooder alone", async () => {
    const flood = "const kept = []; for (;;) kept.push(Buffer.alloc(1 << 28, 1));";
    const child = walled([process.execPath, "-e", flood], 2 ** 30);
    const [code, signal] = await once(child, "exit");
    expect(code === 0 && signal === null).toBe(false);
  });

  test("what it may write is there for the agent", async () => {
    const path = join(folders().updates, "update");
    const child = walled([
      process.execPath,
      "-e",
      `require("node:fs").writeFileSync(${JSON.stringify(path)}, "done")`,
    ]);
    expect((await once(child, "exit"))[0]).toBe(0);
    expect(await readFile(path, "utf8")).toBe("done");
  });
});

test.skipIf(canWall)("bubblewrap is not usable here: the walls themselves are not tried", () => {
  expect(canWall).toBe(false);
});
