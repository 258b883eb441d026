import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { floodIn } from "./flood-guard.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pingo-flood-"));
});
afterEach(() => rm(folder, { recursive: true }));

test("updates are no flood, nor is a folder that is not there", async () => {
  for (const lease of ["a", "b"]) {
    await mkdir(join(folder, lease, "xy"), { recursive: true });
    for (let i = 0; i < 40; i++) await writeFile(join(folder, lease, "xy", `${i}`), new Uint8Array(1_000));
  }
  expect(await floodIn(folder, 2, 2 ** 40)).toBeNull();
  expect(await floodIn(join(folder, "none"), 2, 2 ** 40)).toBeNull();
});

test("many small files are one, however deep, and so are more bytes than are lent", async () => {
  const deep = join(folder, "a", "b", "c");
  await mkdir(deep, { recursive: true });
  for (let i = 0; i < 10_000; i++) await writeFile(join(deep, `${i}`), "x");
  expect(await floodIn(folder, 1, 2 ** 40)).toMatchObject({ entries: expect.any(Number) });
  expect(await floodIn(folder, 2, 2 ** 40)).toBeNull();
  expect(await floodIn(folder, 2, 1_000)).toMatchObject({ bytes: 1_001 });
});
