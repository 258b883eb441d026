import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { silentLog } from "@pingo/core/testing";
import { PROFILES, parsePolicyFile } from "@pingo/scheduler";
import { afterEach, beforeEach, expect, test } from "vitest";
import { WatchedFile } from "./watched-file.ts";

let folder = "";
let path = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pingo-watched-"));
  path = join(folder, "policy.yaml");
});
afterEach(() => rm(folder, { recursive: true }));

const watch = (at = path) =>
  new WatchedFile(at, (text) => (text === null ? PROFILES.gentle : parsePolicyFile(text, at)), silentLog);

/** Under another name first, as editors save. */
async function put(text: string | Uint8Array): Promise<void> {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

/** Whatever stands there, the policy before it goes on counting, and what is right again counts at once. */
async function expectKept(file: WatchedFile<{ profile: string }>, problem: RegExp): Promise<void> {
  await file.refresh();
  expect(file.value.profile).toBe("balanced");
  expect(file.problem).toMatch(problem);
  await rm(path, { recursive: true });
  await put("profile: dedicated\n");
  await file.refresh();
  expect([file.value.profile, file.problem]).toEqual(["dedicated", null]);
}

async function balanced(): Promise<WatchedFile<{ profile: string }>> {
  const file = watch();
  await put("profile: balanced\n");
  await file.refresh();
  expect(file.value.profile).toBe("balanced");
  await rm(path);
  return file;
}

test.each<readonly [string, string | Uint8Array, RegExp]>([
  ["a mistake", "profile: balanced\ngrace: soon\n", /policy\.yaml:2/],
  ["half a line, as a disk that is full leaves it", "profile: bal", /policy\.yaml:1/],
  ["bytes that are no text", new Uint8Array([0xff, 0xfe, 0, 0, 0x80]), /policy\.yaml/],
  ["far too much", "# ".padEnd(2 ** 20 + 1, "x"), /1 MiB is the most/],
])("%s is refused, and the policy before it stays", async (_, text, problem) => {
  const file = await balanced();
  await put(text);
  await expectKept(file, problem);
});

test("a folder in its place is refused, and the policy before it stays", async () => {
  const file = await balanced();
  await mkdir(path);
  await expectKept(file, /is not a file/);
});

test.skipIf(process.platform === "win32")("a pipe in its place is not waited for", async () => {
  const file = await balanced();
  await promisify(execFile)("mkfifo", [path]);
  await expectKept(file, /is not a file/);
});

test("a file where its folder should be is told, and nothing ends", async () => {
  await writeFile(join(folder, "home"), "");
  const file = watch(join(folder, "home", "policy.yaml"));
  await file.refresh();
  expect(file.value).toBe(PROFILES.gentle);
  expect(file.problem).toContain("cannot be read (ENOTDIR)");
});

test("a file that is taken away is no file: the profile without one counts again", async () => {
  const file = await balanced();
  await file.refresh();
  expect([file.value.profile, file.problem]).toEqual(["gentle", null]);
});
