import { existsSync } from "node:fs";
import { mkdtemp, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeFolder, makeFolderSync } from "./make-folder.ts";

let home = "";
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "pingo-make-folder-"));
  await writeFile(join(home, "file"), "");
  await symlink(join(home, "nowhere"), join(home, "link"));
});
afterAll(() => rm(home, { recursive: true }));

const ways: readonly (readonly [string, (path: string) => Promise<void>])[] = [
  ["waiting", (path) => makeFolder(path)],
  ["at once", async (path) => makeFolderSync(path)],
];

describe.each(ways)("a folder made %s", (name, make) => {
  test("has all that lead to it, and may be there already", async () => {
    const path = join(home, name, "deep", "er");
    await make(path);
    await make(path);
    await make("/");
    expect((await stat(path)).isDirectory()).toBe(true);
  });

  test.each([
    ["file", "something else is there already"],
    ["file/below/it", "a part of its path is no folder"],
    ["link", "something else is there already"],
    [`${"long".repeat(100)}/er`, "longer than the system allows"],
  ])("is refused at %s in words, with what to do", async (where, why) => {
    await expect(make(join(home, where))).rejects.toMatchObject({
      code: "DISK_FAILED",
      message: expect.stringMatching(new RegExp(`${why}.*; .*(choose)`)),
    });
  });

  test("is refused, and soon, in a folder that takes none", async ({ skip }) => {
    if (!existsSync("/proc/self")) skip("this system has no /proc");
    await expect(make("/proc/pingo/deep/er")).rejects.toMatchObject({
      code: "DISK_FAILED",
      message: expect.stringMatching(/cannot use \/proc\/pingo: .*; choose another place \(PINGO_HOME/),
    });
  });
});

test("every folder that is made has the mode that is asked for", async () => {
  await makeFolder(join(home, "private", "inside"), { mode: 0o700 });
  expect((await stat(join(home, "private"))).mode & 0o777).toBe(0o700);
  expect((await stat(join(home, "private", "inside"))).mode & 0o777).toBe(0o700);
});
