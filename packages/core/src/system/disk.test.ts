import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Disk } from "../ports.ts";
import { createMemoryDisk } from "../testing/memory-disk.ts";
import { systemDisk } from "./disk.ts";
import { fullDiskOr } from "./disk-error-of.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pingo-disk-"));
});
afterAll(() => rm(folder, { recursive: true }));

const disks: readonly (readonly [string, () => Disk])[] = [
  ["the system's disk", () => systemDisk],
  ["the disk in memory", () => createMemoryDisk()],
];

describe.each(disks)("%s", (name, make) => {
  const disk = make();
  const path = (file: string): string => join(folder, name, file);

  test("reads back what was written, whole and in ranges", async () => {
    await disk.write(path("deep/er/a"), Uint8Array.of(1, 2, 3, 4));
    expect(await disk.read(path("deep/er/a"))).toEqual(Uint8Array.of(1, 2, 3, 4));
    expect(await disk.readRange(path("deep/er/a"), 1, 2)).toEqual(Uint8Array.of(2, 3));
    expect(await disk.readRange(path("deep/er/a"), 3, 9)).toEqual(Uint8Array.of(4));
    expect(await disk.sizeBytes(path("deep/er/a"))).toBe(4);
    expect(await disk.list(path("deep"))).toEqual(["er"]);
  });

  test("a missing file reads as undefined, a missing folder lists nothing, removing none is fine", async () => {
    expect(await disk.read(path("none"))).toBeUndefined();
    expect(await disk.readRange(path("none"), 0, 1)).toBeUndefined();
    expect(await disk.sizeBytes(path("none"))).toBeUndefined();
    expect(await disk.list(path("none"))).toEqual([]);
    await disk.remove(path("none"));
  });

  test("a write replaces the file whole", async () => {
    await disk.write(path("b"), new Uint8Array(10).fill(1));
    await disk.write(path("b"), Uint8Array.of(2));
    expect(await disk.read(path("b"))).toEqual(Uint8Array.of(2));
    await disk.remove(path("b"));
    expect(await disk.read(path("b"))).toBeUndefined();
  });
});

test("a write that fails leaves no file behind and says why", async () => {
  await writeFile(join(folder, "file"), "in the way");
  await expect(systemDisk.write(join(folder, "file", "below"), Uint8Array.of(1))).rejects.toMatchObject({
    code: "DISK_FAILED",
  });
  expect((await readdir(folder)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
});

test("a write onto a folder fails and leaves nothing beside it", async () => {
  await systemDisk.write(join(folder, "taken", "inside"), Uint8Array.of(1));
  await expect(systemDisk.write(join(folder, "taken"), Uint8Array.of(1))).rejects.toMatchObject({
    code: "DISK_FAILED",
  });
  expect((await readdir(folder)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
});

test("a folder where a file is wanted is said in words", async () => {
  await expect(systemDisk.read(folder)).rejects.toThrow(/is a folder, and a file is wanted/);
});

test.each([
  ["a pipe that nobody writes to", "pipe", "pipe"],
  ["a device without an end", "/dev/zero", "device"],
  ["a device without a byte", "/dev/null", "device"],
  ["a socket", "socket", "socket or a device"],
])("%s is refused at once, for a file is wanted", async (_, name, what) => {
  const path = resolve(folder, name);
  if (name === "pipe") await promisify(execFile)("mkfifo", [path]);
  const server = createServer();
  if (name === "socket") await once(server.listen(path), "listening");
  const fault = { code: "DISK_FAILED", message: expect.stringContaining(`it is a ${what}, and a file is`) };
  await expect(systemDisk.read(path)).rejects.toMatchObject(fault);
  await expect(systemDisk.readRange(path, 0, 9)).rejects.toMatchObject(fault);
  server.close();
});

test("a full disk is a fault with its own code", async () => {
  await expect(createMemoryDisk(3).write("/a", new Uint8Array(4))).rejects.toMatchObject({
    code: "DISK_FULL",
  });
  // A device that is always full stands in for a full disk where the system has one.
  const { existsSync } = await import("node:fs");
  if (existsSync("/dev/full")) {
    const { open } = await import("node:fs/promises");
    await using full = await open("/dev/full", "w");
    await expect(full.writeFile("x")).rejects.toMatchObject({ code: "ENOSPC" });
  }
});

test("a full disk is known by whichever name it has, and other errors stay what they are", () => {
  using database = new DatabaseSync(":memory:");
  database.exec("CREATE TABLE t (bytes BLOB); PRAGMA max_page_count = 3");
  const overflow = (): unknown => {
    try {
      return database.exec("INSERT INTO t VALUES (zeroblob(100000))");
    } catch (error) {
      return error;
    }
  };
  const wasi = Object.assign(new Error("errno"), { name: "ErrnoError", errno: 51 });
  const postgres = new Error("query", { cause: Object.assign(new Error("full"), { code: "53100" }) });
  for (const error of [overflow(), wasi, postgres]) {
    expect(fullDiskOr("/home", error)).toMatchObject({
      code: "DISK_FULL",
      message: expect.stringMatching(/no room at \/home/),
    });
  }
  const other = new Error("other");
  expect(fullDiskOr("/home", other)).toBe(other);
});
