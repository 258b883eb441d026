import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lockFolder } from "./lock.ts";

let folder: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "pingo-lock-")));
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await rm(folder, { recursive: true });
});

/** A process that owns the folder until it ends. */
async function startOwner(): Promise<ChildProcess> {
  const module = JSON.stringify(new URL("./lock.ts", import.meta.url).href);
  const program =
    `const { lockFolder } = await import(${module});` +
    `await lockFolder(${JSON.stringify(folder)}); console.log("owned"); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  await once(child.stdout, "data");
  return child;
}

test("a folder of another process is FOLDER_IN_USE and names its pid; kill -9 frees it", async () => {
  const child = await startOwner();
  const error = await lockFolder(folder).catch((caught: unknown) => caught);
  expect(error).toMatchObject({ code: "FOLDER_IN_USE", fault: { folder, pid: child.pid } });
  expect(error).toHaveProperty(
    "message",
    `${folder} is in use by process ${child.pid}; stop it first, or choose another folder with PINGO_HOME`,
  );
  child.kill("SIGKILL");
  await once(child, "exit");
  await using lock = await lockFolder(folder);
  expect(lock).toBeDefined();
});

test("a folder of this process is FOLDER_IN_USE, and stays owned after the refusal", async () => {
  await using lock = await lockFolder(join(folder, "state"));
  await expect(lockFolder(join(folder, "state"))).rejects.toMatchObject({ fault: { pid: process.pid } });
  await expect(lockFolder(join(folder, ".", "state"))).rejects.toMatchObject({ code: "FOLDER_IN_USE" });
  expect(lock).toBeDefined();
});

test("a clean release leaves nothing behind, and the folder can be owned again", async () => {
  for (let i = 0; i < 3; i++) {
    const lock = await lockFolder(folder);
    await lock[Symbol.asyncDispose]();
    await lock[Symbol.asyncDispose]();
  }
  expect(await readdir(folder)).toEqual([]);
});

test("a folder that cannot be made is the disk's fault, in words", async () => {
  await writeFile(join(folder, "file"), "");
  await expect(lockFolder(join(folder, "file", "below"))).rejects.toMatchObject({
    code: "DISK_FAILED",
    message: expect.stringContaining("a part of its path is no folder; choose another place"),
  });
});
