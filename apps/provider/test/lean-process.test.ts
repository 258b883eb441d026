import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { keyPairOfSeed } from "@pingo/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type CompiledMark, LEAN_FLAGS } from "../src/lean-process.ts";
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

test.runIf(HAS_PROC)(
  "an agent runs from a bundle of its code, and never from one of other sources",
  async () => {
    const cache = join(folder, "compiled");
    const start = async (): Promise<void> => (await startWith(cache))[Symbol.asyncDispose]();
    await start();
    const names = await readdir(cache, { recursive: true });
    const mark = join(
      cache,
      names.find((name) => name.endsWith("provider-compiled")) ?? expect.fail("no mark"),
    );
    const compiled: CompiledMark = JSON.parse(await readFile(mark, "utf8"));
    const bundle = fileURLToPath(compiled.entry ?? expect.fail("no bundle"));
    expect(compiled.sources.map(([path]) => path)).toContain(
      fileURLToPath(new URL("../src/agent.ts", import.meta.url)),
    );
    const code = await readFile(bundle, "utf8");
    const seen = join(folder, "seen");
    await writeFile(
      bundle,
      `import { writeFileSync } from "node:fs";\nwriteFileSync(${JSON.stringify(seen)}, "");\n${code}`,
    );
    await start();
    expect(existsSync(seen)).toBe(true);
    await rm(seen);
    const [[path, size, changed] = expect.fail("no sources"), ...others] = compiled.sources;
    await writeFile(mark, JSON.stringify({ ...compiled, sources: [[path, size, changed - 1], ...others] }));
    await start();
    expect(JSON.parse(await readFile(mark, "utf8")).sources).toEqual(compiled.sources);
  },
);

test("where no compiled code can be kept the agent runs all the same", async () => {
  const cache = join(folder, "in-the-way");
  await writeFile(cache, "a file, not a folder");
  await using provider = await startWith(cache);
  expect((await fog.next("hello")).offer.provider).toBe(provider.id);
});
