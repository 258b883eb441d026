/** The README's programs are run, and its page is the page of this folder. */
import { execFileSync } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const README = fileURLToPath(new URL("../../packages/autograd/README.md", import.meta.url));
const MODEL = fileURLToPath(new URL("../mnist/model.onnx", import.meta.url));
/** Inside the checkout, so that @pingo/autograd is found, and where nothing is committed. */
const CACHE = fileURLToPath(new URL("../../node_modules/.cache/", import.meta.url));

let folder: string;
let blocks: readonly { readonly kind: string; readonly code: string }[];
beforeAll(async () => {
  await mkdir(CACHE, { recursive: true });
  folder = await mkdtemp(join(CACHE, "readme-"));
  await copyFile(MODEL, join(folder, "model.onnx"));
  const text = await readFile(README, "utf8");
  blocks = [...text.matchAll(/^```(ts.*)\n([\s\S]*?)^```$/gm)].map(([, kind = "", code = ""]) => ({
    kind,
    code,
  }));
});
afterAll(() => rm(folder, { recursive: true }));

function run(which: RegExp): string {
  const code = blocks.find((block) => block.kind === "ts" && which.test(block.code))?.code ?? "";
  return execFileSync(process.execPath, ["--input-type=module-typescript", "--eval", code], {
    cwd: folder,
    encoding: "utf8",
  });
}

test("a file is trained and written", async () => {
  expect(run(/trained\.onnx/).match(/^loss \d+\.\d+$/gm)).toHaveLength(3);
  expect((await stat(join(folder, "trained.onnx"))).size).toBeGreaterThan(10_000);
});

test("a model is defined", () => expect(run(/defineModel.*writeModel/)).toMatch(/^\d+ bytes of ONNX\n$/));

test("a call is stopped, within a limit of memory", () => {
  expect(run(/AbortController/)).toMatch(/^\d+ \{ microBatches: 1, recompute: 1 \}\nchanged my mind\n$/);
});

test("the mean of the steps is read, and training goes on from a checkpoint", () => {
  expect(run(/resume/)).toBe("18 18\n");
});

test("the page is the example's, word for word", async () => {
  const page = blocks.find(({ kind }) => kind === "ts page");
  const script = await readFile(new URL("main.ts", import.meta.url), "utf8");
  expect(script).toContain(page?.code);
  expect(blocks).toHaveLength(6);
});
