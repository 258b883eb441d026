/**
 * The agent's code, and what it uses of its packages, in a few files instead of a thousand.
 *
 * A module costs a waiting process its source, its comments, its exports that nobody imports and a dozen objects of the
 * runtime's: 16 MB of the agent's 92 together. Lines stay lines, so that a stack can be read.
 */
import { createHash } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { assertDefined } from "@pingo/core";
import { rolldown } from "rolldown";
import type { SourceStamp } from "./lean-process.ts";

export interface Bundle {
  /** URLs of its files, the one to import first. */
  readonly files: readonly [entry: string, ...others: string[]];
  /** What it was made of: once one of these changes it is no longer the agent. */
  readonly sources: readonly SourceStamp[];
}

const ENTRY = fileURLToPath(new URL("./compose.ts", import.meta.url));
const NAME = "agent";

/** @param path  beside this the bundle gets a folder of its own, which has its name and a word for what is in it */
export async function bundleAgent(path: string): Promise<Bundle> {
  const built = await rolldown({
    input: { [NAME]: ENTRY },
    platform: "node",
    external: [/^node:/],
    logLevel: "silent",
    // Beside the sources, files are found by where a module lies, and the bundle lies elsewhere.
    plugins: [
      {
        name: "stay-where-you-are",
        transform: (code, id) =>
          code.includes("import.meta.url")
            ? code.replaceAll("import.meta.url", JSON.stringify(pathToFileURL(id).href))
            : null,
      },
    ],
  });
  const { output } = await built.generate({
    format: "esm",
    comments: false,
    entryFileNames: "[name].mjs",
    chunkFileNames: "[name]-[hash].mjs",
  });
  await built.close();
  const chunks = output.filter((file) => file.type === "chunk");
  const hash = createHash("sha256");
  for (const { fileName, code } of chunks) hash.update(`${fileName}\0${code}\0`);
  const target = `${path}-${hash.digest("hex").slice(0, 16)}`;
  await mkdir(target, { recursive: true });
  for (const { fileName, code } of chunks) {
    // Renamed: another agent may make the same at this moment, or run from it.
    const draft = join(target, `${fileName}.${process.pid}`);
    await writeFile(draft, code);
    await rename(draft, join(target, fileName));
  }
  await removeOld(path, target);
  const urlOf = ({ fileName }: { readonly fileName: string }) => pathToFileURL(join(target, fileName)).href;
  const entry = assertDefined(
    chunks.find(({ isEntry }) => isEntry),
    "a bundle has an entry",
  );
  const files = [urlOf(entry), ...chunks.filter((chunk) => chunk !== entry).map(urlOf)] as const;
  const modules = new Set(chunks.flatMap(({ moduleIds }) => moduleIds));
  return { files, sources: [...modules].filter(existsSync).map(stampOf) };
}

/** All but the last before: an agent may run from that one still. */
async function removeOld(path: string, current: string): Promise<void> {
  const folder = dirname(path);
  const others = (await readdir(folder))
    .filter((name) => name.startsWith(`${basename(path)}-`) && name !== basename(current))
    .map((name) => join(folder, name))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  for (const other of others.slice(1)) await rm(other, { recursive: true, force: true });
}

function stampOf(path: string): SourceStamp {
  const { size, mtimeMs } = statSync(path);
  return [path, size, mtimeMs];
}
