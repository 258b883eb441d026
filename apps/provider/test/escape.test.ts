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
import { assert } from "@pingo/core";
import { silentLog } from "@pingo/core/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { findLauncher } from "../src/worker/launcher.ts";
import { BUBBLEWRAP_PROBE, bubblewrap, resourceLimits, SECCOMP_FD } from "../src/worker/sandbox.ts";
import { seccompFilter } from "../src/worker/seccomp.ts";
import { channelTo } from "../src/worker/worker-channel.ts";
import type { Orders, Report } from "./escape/prisoner.ts";

const PRISONER = fileURLToPath(new URL("./escape/prisoner.ts", import.meta.url));
const canWall = spawnSync(BUBBLEWRAP_PROBE[0], [...BUBBLEWRAP_PROBE.slice(1), "true"]).status === 0;
/** What Node has no words for. */
const PYTHON = "/usr/bin/python3";
const canPython = spawnSync(PYTHON, ["-c", ""]).status === 0;
const OWN_SOCKET = 1;
/** One bit for each that succeeds. */
const KERNEL_ATTEMPTS = `
import mmap, os, socket, sys
def attempts():
    yield lambda: socket.socket(socket.AF_UNIX)
    yield lambda: socket.socket(socket.AF_VSOCK)
    yield lambda: socket.socket(socket.AF_INET)
    yield lambda: mmap.mmap(-1, 1 << 20)
    yield lambda: mmap.mmap(os.open("/dev/zero", os.O_RDWR), 1 << 20)
    yield lambda: os.memfd_create("hidden")
bits = 0
for i, attempt in enumerate(attempts()):
    try:
        attempt()
        bits |= 1 << i
    except OSError:
        pass
sys.exit(bits)`;

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

function interrogate(child: ChildProcess): Promise<Report> {
  const { promise, resolve, reject } = Promise.withResolvers<Report>();
  const prisoner = channelTo(child, {
    lineBytesMax: 65_536,
    onValue: (value) => {
      assert(typeof value === "object" && value !== null, "it says objects");
      if ("ready" in value) return prisoner.say(orders);
      child.kill("SIGKILL");
      // SAFETY: it says nothing else.
      resolve(value as Report);
    },
    onOver: () => undefined, // its exit tells
  });
  child.once("exit", () => reject(new Error("the prisoner ended without a word")));
  return promise;
}

const succeeded = (report: Report) => Object.entries(report).filter(([, how]) => how !== null);

test("a worker as the agent starts it gets out nowhere", async () => {
  const environment = { PATH: String(process.env["PATH"]), NODE_COMPILE_CACHE: folders().compileCache };
  const launcher = await findLauncher({ environment, folders: folders(), log: silentLog, entry: PRISONER });
  const report = await interrogate(launcher.start({ onPid: () => undefined }));
  // Node's permissions of this version leave the network open; only the walls close it.
  const open = canWall ? [] : ["reach the network"];
  expect(succeeded(report).filter(([name]) => !open.includes(name))).toEqual([]);
  expect(Object.keys(report)).toHaveLength(11);
});

describe.skipIf(!canWall)("past Node's permissions, behind the walls alone", () => {
  function walled(program: readonly string[], memoryBytesMax?: number): ChildProcess {
    const [command, ...words] = [...resourceLimits(memoryBytesMax), ...bubblewrap(folders()), ...program];
    const child = spawn(command, words, {
      stdio: ["ignore", "ignore", "ignore", "pipe", "pipe", "pipe"],
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

  test.skipIf(!canPython)(
    "no shared memory, no memory without a name and no socket but the computer's own",
    async () => {
      const child = walled([PYTHON, "-c", KERNEL_ATTEMPTS]);
      expect((await once(child, "exit"))[0]).toBe(OWN_SOCKET);
    },
  );

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
