import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keyPairOfSeed } from "@pingo/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LEAN_FLAGS } from "../src/lean-process.ts";
import { type ProviderProcess, startProvider } from "./provider-process.ts";
import { type ScriptedFog, startScriptedFog } from "./scripted-fog.ts";

const KEY = keyPairOfSeed(new Uint8Array(32).fill(6));
const HAS_PROC = existsSync("/proc/self/cmdline");

let folder: string;
let fog: ScriptedFog;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pingo-lean-"));
  fog = await startScriptedFog({ folder, key: KEY });
});
afterEach(async () => {
  await fog[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const startWith = (cache: string): Promise<ProviderProcess> =>
  startProvider({ home: folder, fogUrl: fog.url, env: { NODE_COMPILE_CACHE: cache } });

async function wordsOf(pid: number | undefined): Promise<readonly string[]> {
  return (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0");
}

test.runIf(HAS_PROC)(
  "an agent started plainly runs lean, in the process that was started, and so does its worker",
  async () => {
    const cache = join(folder, "compiled");
    await using provider = await startWith(cache);
    expect(await wordsOf(provider.child.pid)).toEqual(expect.arrayContaining([...LEAN_FLAGS]));
    const { pid } = await provider.logged("worker_started");
    expect(await wordsOf(Number(pid))).toEqual(expect.arrayContaining([...LEAN_FLAGS]));
    const names = await readdir(cache, { recursive: true });
    expect(names.filter((name) => name.endsWith("provider-compiled"))).toHaveLength(1);
  },
);

test("where no compiled code can be kept the agent runs all the same", async () => {
  const cache = join(folder, "in-the-way");
  await writeFile(cache, "a file, not a folder");
  await using provider = await startWith(cache);
  expect((await fog.next("hello")).offer.provider).toBe(provider.id);
});
