import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findOnPath } from "./find-on-path.ts";

let home = "";
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "pingo-path-"));
  for (const folder of ["good", "later", "text", "locked"]) {
    await mkdir(join(home, folder));
    await writeFile(join(home, folder, "tool"), "#!/bin/sh\n", { mode: folder === "text" ? 0o600 : 0o700 });
  }
  await chmod(join(home, "locked"), 0);
  await writeFile(join(home, "file"), "");
});
afterAll(async () => {
  await chmod(join(home, "locked"), 0o700);
  await rm(home, { recursive: true });
});

const pathOf = (...folders: readonly string[]): string =>
  folders.map((name) => join(home, name)).join(delimiter);

test("a program is found in the first folder that has one to start", async () => {
  expect(await findOnPath("tool", pathOf("good", "later"))).toBe(join(home, "good", "tool"));
  expect(await findOnPath("tool", pathOf("later", "good"))).toBe(join(home, "later", "tool"));
});

test("a folder that is a file, is not there, has too long a name, or has nothing to start is passed by", async () => {
  const path = pathOf("file", "nowhere", "long".repeat(100), "text", "good");
  expect(await findOnPath("tool", path)).toBe(join(home, "good", "tool"));
  expect(await findOnPath("tool", pathOf("file", "nowhere", "text"))).toBeUndefined();
  expect(await findOnPath("tool", delimiter)).toBeUndefined();
  expect(await findOnPath("tool")).toBeUndefined();
});

test("a folder that may not be entered is passed by", async ({ skip }) => {
  if (process.getuid?.() === 0) skip("the administrator may enter every folder");
  expect(await findOnPath("tool", pathOf("locked", "good"))).toBe(join(home, "good", "tool"));
});
