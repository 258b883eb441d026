/** `kind: Run`, from a job file to its result, over a real fog node and real providers. */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { expectRefused, pingo, type ServingFog, serveFog } from "./pingo.ts";
import { type Ended, runJob, startProvider, writeRunJob } from "./wasm-network.ts";

const WORDS = fileURLToPath(new URL("../../../examples/words/", import.meta.url));
const WASI = `"wasi_snapshot_preview1"`;

let root = "";
let fog: ServingFog;
let providers: AsyncDisposableStack;
/** Of one test. */
let folder = "";

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "pingo-run-"));
  fog = await serveFog(join(root, "home"));
  providers = new AsyncDisposableStack();
  for (const name of ["a", "b"]) providers.use(await startProvider(join(root, name), fog));
});
afterAll(async () => {
  await providers?.disposeAsync();
  await fog?.[Symbol.asyncDispose]();
  await rm(root, { recursive: true });
});
beforeEach(async () => {
  folder = await mkdtemp(join(root, "test-"));
});

async function result({ id }: Ended): Promise<(path: string) => Promise<string>> {
  const out = join(folder, "out");
  const got = await pingo(["job", "get", id, "--out", out, "--json"], fog.env);
  expect({ exitCode: got.exitCode, stderr: got.stderr }).toEqual({ exitCode: 0, stderr: "" });
  return (path) => readFile(join(out, path), "utf8");
}

test("the example counts the words of each text, and each result has its signed receipt", async () => {
  await cp(WORDS, folder, { recursive: true });
  const valid = await pingo(["job", "validate", join(folder, "job.yaml")], fog.env);
  expect(valid.stdout).toContain("pieces 2 pieces");
  const ended = await runJob(join(folder, "job.yaml"), fog);
  expect(ended.shown).toMatchObject({ exitCode: 0, stderr: "" });
  expect(ended.shown.stdout).toContain("piece 1 is done");
  expect(ended.view).toMatchObject({ kind: "Run", state: "succeeded", reason: null, steps: 2 });
  const read = await result(ended);
  const words = async (name: string) =>
    (await readFile(join(folder, "texts", name), "utf8")).split(/\s+/).filter(Boolean).length;
  expect(await read("pieces/0/stdout")).toBe(`${await words("job.txt")}\n`);
  expect(await read("pieces/1/stdout")).toBe(`${await words("network.txt")}\n`);
  expect(JSON.parse(await read("pieces/0/end.json"))).toMatchObject({ code: "EXITED", exitCode: 0 });
  const provenance = JSON.parse(await read("provenance.json"));
  expect(provenance.pieces).toHaveLength(2);
  const receipt = await pingo(
    ["store", "get", provenance.pieces[0].receipt, "--out", join(folder, "receipt")],
    fog.env,
  );
  expect(receipt.stderr).toContain("it holds a value and not a file"); // it is there
  const audit = await pingo(["audit", "verify", "--json"], fog.env);
  expect(JSON.parse(audit.stdout)).toMatchObject({ differences: 0 });
});

test("where the job asks for it, two providers run each piece and come to the same bytes", async () => {
  const wat = `(module (import ${WASI} "random_get" (func $random (param i32 i32) (result i32)))
    (import ${WASI} "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import ${WASI} "environ_get" (func $environ (param i32 i32) (result i32)))
    (import ${WASI} "environ_sizes_get" (func $sizes (param i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "_start")
      (drop (call $sizes (i32.const 500) (i32.const 504)))
      (drop (call $environ (i32.const 600) (i32.const 1000)))
      (i32.store (i32.const 0) (i32.const 1000)) (i32.store (i32.const 4) (i32.load (i32.const 504)))
      (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
      (drop (call $random (i32.const 16) (i32.const 32)))
      (i32.store (i32.const 0) (i32.const 16)) (i32.store (i32.const 4) (i32.const 32))
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))`;
  const job = await writeRunJob(folder, { wat, lines: ["pieces: 2", "verify: { mode: always }"] });
  const ended = await runJob(job, fog);
  expect(ended.view).toMatchObject({ state: "succeeded", steps: 4 });
  const read = await result(ended);
  expect(await read("pieces/0/stderr")).toContain("PINGO_PIECE=0");
  expect(await read("pieces/1/stderr")).toContain("PINGO_PIECE=1");
  const { pieces } = JSON.parse(await read("provenance.json"));
  for (const index of [0, 1]) {
    const records = pieces.filter((one: { index: number }) => one.index === index);
    expect(new Set(records.map((one: { provider: string }) => one.provider)).size).toBe(2);
    expect(new Set(records.map((one: { result: string }) => one.result)).size).toBe(1);
  }
  expect(pieces[0].result).not.toBe(pieces[2].result);
});

test("an input may be in the store already, as pingo://CID, beside one that is a file", async () => {
  await cp(WORDS, folder, { recursive: true });
  await writeFile(join(folder, "kept.txt"), "four words are here");
  const put = await pingo(["store", "put", join(folder, "kept.txt"), "--json"], fog.env);
  const { cid } = JSON.parse(put.stdout.trim().split("\n").at(-1) ?? "");
  const job = await readFile(join(folder, "job.yaml"), "utf8");
  const path = join(folder, "kept.yaml");
  await writeFile(path, job.replace(/^inputs:.*$/m, `inputs: ["pingo://${cid}", ./kept.txt]`));
  const read = await result(await runJob(path, fog));
  expect([await read("pieces/0/stdout"), await read("pieces/1/stdout")]).toEqual(["4\n", "4\n"]);
  await writeFile(path, job.replace(/^inputs:.*$/m, `inputs: ["pingo://${cid.slice(0, -1)}"]`));
  expectRefused(await pingo(["job", "submit", path], fog.env), "CID_INVALID", ["kept.yaml:"]);
});

describe("a module that misbehaves ends with a coded sentence, and its provider goes on", () => {
  const start = (body: string, imports = ""): string =>
    `(module ${imports} (memory (export "memory") 1) (func (export "_start") (local $n i32) ${body}))`;
  const write = `(import ${WASI} "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))`;
  const open = `(import ${WASI} "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))`;
  const exit = `(import ${WASI} "proc_exit" (func $exit (param i32)))`;
  const floods = (fd: string): string =>
    `(i32.store (i32.const 4) (i32.const 4096)) (loop $more (drop (call $write ${fd} (i32.const 0) (i32.const 1) (i32.const 8))) (br $more))`;
  const opened = (at: number, length: number, flags = 0, rights = 2): string =>
    `(call $open (i32.const 4) (i32.const 0) (i32.const ${at}) (i32.const ${length}) (i32.const ${flags}) (i64.const ${rights}) (i64.const 0) (i32.const 0) (i32.const 500))`;

  test.each<readonly [string, string, string, string]>([
    [
      "a loop without end",
      start("(loop $more (br $more))"),
      "PIECE_TOO_SLOW",
      "raise limits.secondsPerPiece",
    ],
    ["a trap", start("unreachable"), "TRAPPED", "unreachable"],
    [
      "a flood of memory",
      start(
        `(loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) (call $exit (memory.size))`,
        exit,
      ),
      "EXITED",
      "exit code 16",
    ],
    [
      "a flood of stdout",
      start(floods("(i32.const 1)"), write),
      "STDOUT_TOO_LARGE",
      "write what is long to a file",
    ],
    [
      "a flood of output",
      start(
        `(i32.store8 (i32.const 600) (i32.const 97)) (drop ${opened(600, 1, 1, 64)}) ${floods("(i32.load (i32.const 500))")}`,
        write + open,
      ),
      "OUTPUT_TOO_LARGE",
      "raise limits.output",
    ],
    [
      "a file outside",
      start(
        `(i32.store (i32.const 600) (i32.const 0x2f2e2e2f)) (i32.store (i32.const 604) (i32.const 0x2f637465)) (call $exit ${opened(601, 7)})`,
        exit + open,
      ),
      "EXITED",
      "exit code 76",
    ],
    [
      "numbers of files that it made up",
      start(
        `(i32.store (i32.const 4) (i32.const 1)) (local.set $n (i32.const 5)) (loop $more (if (i32.ne (call $write (local.get $n) (i32.const 0) (i32.const 1) (i32.const 8)) (i32.const 8)) (then unreachable)) (br_if $more (i32.lt_s (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 300)))) (call $exit (i32.const 9))`,
        write + exit,
      ),
      "EXITED",
      "exit code 9",
    ],
  ])("%s", async (_, wat, code, words) => {
    const lines = ["limits: { output: 64Ki, secondsPerPiece: 1 }", "retry: { max: 0 }"];
    const { view, shown } = await runJob(await writeRunJob(folder, { wat, lines }), fog);
    expect(view.state).toBe("failed");
    expect(view.reason).toContain(code);
    expect(view.reason).toContain(words);
    expect(shown.exitCode).toBe(1);
    const after = await runJob(await writeRunJob(folder, { wat: start("") }), fog);
    expect(after.view).toMatchObject({ state: "succeeded", reason: null });
  });

  test("what it wrote before it trapped comes back", async () => {
    const says = start(
      "(i32.store (i32.const 0) (i32.const 16)) (i32.store (i32.const 4) (i32.const 2)) (i32.store (i32.const 16) (i32.const 0x6968)) (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8))) unreachable",
      write,
    );
    const ended = await runJob(await writeRunJob(folder, { wat: says }), fog);
    expect(ended.view.state).toBe("failed");
    expect(await (await result(ended))("pieces/0/stderr")).toBe("hi");
  });
});

describe("what cannot be run is refused before anything is sent", () => {
  test.each<readonly [string, string, readonly string[], string, string]>([
    [
      "an import that nobody gives",
      `(module (import "env" "sleep" (func)) (memory (export "memory") 1) (func (export "_start")))`,
      [],
      "MODULE_IMPORT_UNKNOWN",
      "env.sleep",
    ],
    [
      "more memory than the job grants",
      `(module (memory (export "memory") 1 999) (func (export "_start")))`,
      [],
      "MODULE_MEMORY_TOO_LARGE",
      "raise workers.resources.memory",
    ],
    [
      "an input that is not there",
      `(module (memory (export "memory") 1) (func (export "_start")))`,
      ["inputs: [./nothing]"],
      "FILE_MISSING",
      "nothing",
    ],
    [
      "pieces beside inputs",
      `(module (memory (export "memory") 1) (func (export "_start")))`,
      ["inputs: [./texts]", "pieces: 2"],
      "JOB_VALUE_INVALID",
      'leave "pieces" out',
    ],
    [
      "a key that a training has",
      `(module (memory (export "memory") 1) (func (export "_start")))`,
      ["model: ./m.onnx"],
      "JOB_KEY_UNKNOWN",
      '"model"',
    ],
  ])("%s", async (_, wat, lines, code, words) => {
    const job = await writeRunJob(folder, { wat, lines, texts: { a: "a" } });
    expectRefused(await pingo(["job", "submit", job], fog.env), code, [words]);
  });

  test("bytes that are no module", async () => {
    const job = await writeRunJob(folder, { wat: `(module)` });
    await writeFile(join(folder, "job.wasm"), "not a module at all");
    expectRefused(await pingo(["job", "submit", job], fog.env), "MODULE_MALFORMED", ["wasm32-wasip1"]);
  });

  test("a training command is told what the file is", async () => {
    const job = await writeRunJob(folder, { wat: `(module)` });
    expectRefused(await pingo(["train", job], fog.env), "JOB_KIND_RUN", ["pingo job submit"]);
  });
});

test("nothing of a piece stays with its provider", async () => {
  for (const name of ["a", "b"]) {
    await expect
      .poll(() => readdir(join(root, name, "provider", "updates")), { timeout: 10_000 })
      .toEqual([]);
  }
});
