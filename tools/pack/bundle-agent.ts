/** Bundles the provider's agent, with what it uses of its packages (apps/provider/src/agent-bundle.ts). */
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { rolldown } from "rolldown";
import {
  agentBundle,
  BUNDLE_FOLDER,
  BUNDLE_MARK,
  type BundleMark,
  hashOfSources,
} from "../../apps/provider/src/agent-bundle.ts";

const ENTRY = "apps/provider/src/compose.ts";
const HASH_LETTERS = 16;

/** Nothing where it is there, and of the sources as they are. @param root  with its node_modules */
export async function bundleAgent(root: string): Promise<"made" | "there"> {
  if (agentBundle(root) !== null) return "there";
  const home = realpathSync(root);
  const target = join(home, BUNDLE_FOLDER);
  const loaded = new Set<string>();
  const built = await rolldown({
    input: { agent: join(home, ENTRY) },
    platform: "node",
    external: [/^node:/],
    logLevel: "silent",
    plugins: [
      {
        name: "stay-where-you-are",
        transform(code, id) {
          if (!existsSync(id)) return null; // the bundler's own
          loaded.add(id);
          // Beside the sources, files are found by where a module lies, and the bundle lies elsewhere: one folder below the target.
          const place = relative(join(target, "bundle"), id).split(sep).join("/");
          const url = `new URL(${JSON.stringify(place)}, import.meta.url).href`;
          return code.includes("import.meta.url") ? code.replaceAll("import.meta.url", url) : null;
        },
      },
    ],
  });
  // Lines stay lines and names stay names, so that a stack can be read.
  const { output } = await built.generate({
    format: "esm",
    comments: false,
    entryFileNames: "[name].mjs",
    chunkFileNames: "[name]-[hash].mjs",
  });
  await built.close();
  const chunks = output
    .filter((file) => file.type === "chunk")
    .toSorted((a, b) => Number(b.isEntry) - Number(a.isEntry));
  const sources = sourcesOf(home, loaded);
  const hash = hashOfSources(home, sources);
  // A folder of its own: an agent may run from the one before, and ask for another part of it.
  const name = nameOf(hash);
  await mkdir(join(target, name), { recursive: true });
  for (const { fileName, code } of chunks) await replace(join(target, name, fileName), code);
  const [entry, ...others] = chunks.map(({ fileName }) => `${name}/${fileName}`);
  if (entry === undefined) throw new Error("the bundler made no file");
  const mark: BundleMark = { files: [entry, ...others], sources, hash };
  const before = nameOfLast(target);
  await replace(join(target, BUNDLE_MARK), JSON.stringify(mark));
  for (const folder of await readdir(target, { withFileTypes: true })) {
    if (folder.isDirectory() && folder.name !== name && folder.name !== before)
      await rm(join(target, folder.name), { recursive: true, force: true });
  }
  return "made";
}

/** Renamed: another may make the same at this moment, or read it. */
async function replace(path: string, text: string): Promise<void> {
  await writeFile(`${path}.${process.pid}`, text);
  await rename(`${path}.${process.pid}`, path);
}

function nameOfLast(target: string): string | null {
  try {
    const { hash }: BundleMark = JSON.parse(readFileSync(join(target, BUNDLE_MARK), "utf8"));
    return nameOf(hash);
  } catch {
    return null; // the first
  }
}

function nameOf(hash: string): string {
  return hash.slice(0, HASH_LETTERS);
}

/** Our own modules and manifests by themselves; of a package of others its manifest, which names its version. */
function sourcesOf(home: string, loaded: ReadonlySet<string>): readonly string[] {
  const sources = new Set<string>();
  for (const id of loaded) {
    if (!id.includes(`${sep}node_modules${sep}`)) sources.add(id);
    sources.add(manifestOf(id));
  }
  return [...sources].map((path) => relative(home, path).split(sep).join("/")).sort();
}

/** The nearest that has a name: some packages mark the format of a folder by one without. */
function manifestOf(id: string): string {
  for (let folder = dirname(id); ; folder = dirname(folder)) {
    const path = join(folder, "package.json");
    if (existsSync(path) && "version" in JSON.parse(readFileSync(path, "utf8"))) return path;
    if (folder === dirname(folder)) throw new Error(`${id} belongs to no package`);
  }
}
