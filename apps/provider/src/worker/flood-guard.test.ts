import { execFile } from "node:child_process";
import { chmod, chown, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { floodIn } from "./flood-guard.ts";

/** Of Linux. */
const NOBODY = 65_534;

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

test("a folder that nobody may look into is a flood, and is removed all the same", async () => {
  await mkdir(join(folder, "a", "b", "c"), { recursive: true });
  await writeFile(join(folder, "a", "b", "c", "hidden"), "x");
  // Root looks everywhere: whoever runs this as root tries it as nobody.
  const isRoot = process.getuid?.() === 0;
  const owner = isRoot ? { uid: NOBODY, gid: NOBODY } : {};
  if (isRoot)
    for (const path of ["", "a", "a/b", "a/b/c", "a/b/c/hidden"])
      await chown(join(folder, path), NOBODY, NOBODY);
  await chmod(join(folder, "a", "b"), 0);
  const program = `
    import { floodIn } from ${JSON.stringify(new URL("./flood-guard.ts", import.meta.url).href)};
    import { removeUpdate } from ${JSON.stringify(new URL("./remove-update.ts", import.meta.url).href)};
    import { systemDisk } from "@pingo/core/system";
    const flood = await floodIn(${JSON.stringify(folder)}, 1, 2 ** 40);
    await removeUpdate(${JSON.stringify(join(folder, "a"))}, systemDisk);
    process.stdout.write(JSON.stringify(flood));`;
  const words = ["--input-type=module", "-e", program];
  const cwd = new URL(".", import.meta.url);
  const told = await promisify(execFile)(process.execPath, words, { ...owner, cwd, env: {} });
  expect(JSON.parse(told.stdout)).toMatchObject({ isClosed: true });
  expect(await readdir(folder)).toEqual([]);
});
