/** What an owner's commands say to values that mean nothing, and to files that somebody else left in their way. */
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, open, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { pingo } from "./pingo.ts";

let home = "";
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "pingo-cli-hostile-"));
  await mkdir(join(home, "provider"));
});
afterEach(() => rm(home, { recursive: true }));

const node = (...words: readonly string[]) => pingo(["node", ...words], { PINGO_HOME: home });
const at = (name: string) => join(home, "provider", name);

/** One sentence and a code, on stderr alone. */
async function refused(words: readonly string[], code: string): Promise<void> {
  const { exitCode, stdout, stderr } = await node(...words);
  expect({ words, exitCode, stdout }).toEqual({ words, exitCode: 1, stdout: "" });
  expect(stderr).toMatch(new RegExp(`^[^\\n]+ \\(${code}\\)\\n$`));
}

test("a pause that is none, endless, or in no unit leaves no word for the agent", async () => {
  for (const text of ["0s", "367d", "999999999d"]) await refused(["pause", text], "OPTION_INVALID");
  for (const text of ["9999999999d", "1.5h", "NaN", "٣h", "2 h", "", "1e3s"])
    await refused(["pause", text], "QUANTITY_INVALID");
  for (const words of [["pause"], ["pause", "-5m"], ["pause", "2h", "more"], ["finish", "now"]])
    await refused(words, "USAGE");
  expect(await readdir(join(home, "provider"))).toEqual([]);
  expect((await node("pause", "366d")).exitCode).toBe(0);
});

test("a size that no computer has, or no worker lives in, changes nothing", async () => {
  for (const text of ["NaN", "Infinity", "-1", "1,5", "٣", ""])
    await refused(["size", `--cores=${text}`], "QUANTITY_INVALID");
  for (const text of ["0", "65", "10m"]) await refused(["size", "--cores", text], "SHAPE_INVALID");
  for (const text of ["NaN", "-1", "1e30", ""])
    await refused(["size", `--memory=${text}`], "QUANTITY_INVALID");
  await refused(["size", "--memory", "127Mi"], "SHAPE_INVALID");
  await refused(["size", "--memory"], "USAGE");
  expect(await readdir(join(home, "provider"))).toEqual([]);
});

test("no policy is made of what is no text, no file, or longer than anybody writes", async () => {
  const file = join(home, "mine.yaml");
  const huge = await open(file, "w");
  await huge.truncate(2 ** 36); // as if it were full: nothing of it may be read into memory
  await huge.close();
  await refused(["policy", "set", file], "FILE_TOO_LARGE");
  for (const path of [home, "/dev/zero"]) await refused(["policy", "set", path], "DISK_FAILED");
  for (const name of ["", "__proto__", "constructor", "gentle\n"])
    expect((await node("policy", "set", name)).exitCode).toBe(1);
  for (const [text, code] of [
    ["profile: gentle\nidleAfter: -5m\n", "POLICY_VALUE_INVALID"],
    ["profile: gentle\ntemperature: { stop: .nan, resume: 3 }\n", "POLICY_VALUE_INVALID"],
    ["profile: __proto__\n", "POLICY_VALUE_INVALID"],
  ] as const) {
    await writeFile(file, text);
    await refused(["policy", "set", file], code);
  }
  expect(await readdir(join(home, "provider"))).toEqual([]);
});

const folder = async (path: string): Promise<void> => void (await mkdir(path));
const pipe = async (path: string): Promise<void> => void execFileSync("mkfifo", [path]);

test.each([
  ["a folder", folder],
  ["a pipe that nobody writes to", pipe],
] as const)(
  "%s where a file of the provider's should be is told, and waited for by nobody",
  async (_, put) => {
    for (const name of ["status.json", "size.json", "policy.yaml"]) await put(at(name));
    for (const words of [["why"], ["size"], ["policy", "show"]]) await refused(words, "DISK_FAILED");
  },
);

test("a status that is half written, of another program, or from the end of time is no riddle", async () => {
  for (const text of ["{", "null", '{"atUnixMs":9e99}', "\u0000"]) {
    await writeFile(at("status.json"), text);
    await refused(["why"], "SHAPE_INVALID");
  }
});
