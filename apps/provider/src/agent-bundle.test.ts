import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { agentBundle, BUNDLE_FOLDER, BUNDLE_MARK, type BundleMark, hashOfSources } from "./agent-bundle.ts";

const SOURCES = ["apps/provider/src/one.ts", "packages/core/src/two.ts", "node_modules/zod/package.json"];

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "pingo-bundle-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function put(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}

async function putBundle(texts: readonly string[]): Promise<void> {
  for (const [i, path] of SOURCES.entries()) await put(path, texts[i] ?? "");
  const hash = hashOfSources(root, SOURCES);
  const mark: BundleMark = { files: ["0/agent.mjs", "0/part.mjs"], sources: SOURCES, hash };
  await put(join(BUNDLE_FOLDER, BUNDLE_MARK), JSON.stringify(mark));
}

test("a bundle of the sources as they are is told with all its files, the entry first", async () => {
  await putBundle(["a", "b", "c"]);
  const at = (name: string) => pathToFileURL(join(root, BUNDLE_FOLDER, "0", name)).href;
  expect(agentBundle(root)?.urls).toEqual([at("agent.mjs"), at("part.mjs")]);
});

test("once any source has changed, by a byte and at the same length too, there is none", async () => {
  const text = fc.string({ maxLength: 8 });
  const run = fc.asyncProperty(fc.tuple(text, text, text), fc.nat(2), text, async (texts, at, other) => {
    await putBundle(texts);
    await put(SOURCES[at] ?? "", other);
    expect(agentBundle(root) === null).toBe(other !== texts[at]);
  });
  await fc.assert(run, { numRuns: 50 });
});

test("what moved from the end of one file to the beginning of the next is a change", async () => {
  await putBundle(["ab", "c", ""]);
  await put(SOURCES[0] ?? "", "a");
  await put(SOURCES[1] ?? "", "bc");
  expect(agentBundle(root)).toBeNull();
});

test.each(["", "{", "null", "{}", '{"files":["a"],"sources":["gone.ts"],"hash":""}'])(
  "a mark that is broken, or names a file that is gone, is no bundle: %s",
  async (text) => {
    expect(agentBundle(root)).toBeNull();
    await put(join(BUNDLE_FOLDER, BUNDLE_MARK), text);
    expect(agentBundle(root)).toBeNull();
  },
);
