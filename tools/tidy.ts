/**
 * Checks what linters cannot see: layers, pinned versions, who reads the environment, purity of pure packages.
 *
 * Usage: node tools/tidy.ts [folder]. Prints one line per misfit and exits 1 when there is one.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

/** docs/ARCHITECTURE.md §2. Imports point to strictly lower layers. */
const LAYERS: Readonly<Record<string, number>> = {
  "packages/core": 0,
  "packages/autograd": 1,
  "packages/scheduler": 1,
  "packages/ton": 1,
  "packages/training": 2,
  "packages/storage": 2,
  "packages/network": 2,
  "packages/contracts": 2,
  "packages/security": 2,
  "packages/rollup": 3,
  "packages/lending": 3,
  "packages/wasm": 3,
  "packages/sdk": 4,
  "apps/fog": 5,
  "apps/provider": 5,
  "apps/cli": 5,
  "apps/console": 5,
  "apps/devnet": 5,
  "apps/tab": 5,
  "apps/punny": 5,
  "apps/gallery": 5,
  "apps/agents": 5,
  simulator: 6,
  benchmarks: 6,
  examples: 6,
};

/** Packages without clock, chance or I/O, and the folders in them that are the exception. */
const PURE: Readonly<Record<string, readonly string[]>> = {
  "packages/core": ["src/system/", "src/testing/"],
  "packages/autograd": ["src/runtime/"],
  "packages/scheduler": [],
  "packages/training": [],
  "packages/ton": ["src/testing/"],
};

/** Hashing and signatures are functions of their input: not I/O. */
const PURE_MODULES = new Set(["node:crypto"]);

const IMPURE: readonly { readonly pattern: RegExp; readonly what: string }[] = [
  { pattern: /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(/, what: "reads a clock" },
  { pattern: /\bMath\.random\(|\brandomBytes\(|\brandomUUID\(/, what: "draws chance" },
  { pattern: /\bset(?:Timeout|Interval|Immediate)\(/, what: "sets a timer" },
  { pattern: /(?<![.\w])fetch\(/, what: "uses the network" },
  { pattern: /\bprocess\s*(?:\?\.|\.|\[)|=\s*(?:globalThis\s*\.\s*)?process\b/, what: "touches the process" },
];

/** Also where it is taken out of the process by name: `const { env } = process`. */
const ENVIRONMENT =
  /\bprocess\s*(?:\?\.|\.)\s*env\b|\bprocess\s*(?:\?\.)?\s*\[|\{[^{}]*\benv\b[^{}]*\}\s*=\s*(?:globalThis\s*\.\s*)?process\b|\{[^{}]*\benv\b[^{}]*\}\s*from\s*["']node:process["']/;

/** Set what a native library reads from the process by itself; they take nothing from it. */
const WRITES_ENVIRONMENT = new Set(["packages/autograd/src/runtime/telemetry.ts"]);

const LOCKFILE = "package-lock.json";
const TOP_LAYER = 6;
const SOURCE_LINES_MAX = 450;
const TEST_LINES_MAX = 800;
const FILE_BYTES_MAX = 256 * 1024;
const NODE_MAJOR = 24;
/** Made by a tool or read by one: their size is not ours to choose. */
const UNBOUNDED = /(^|\/)package-lock\.json$|_pb\.ts$|\.onnx$|\.png$|\.svg$/;
/** Tests, and the parts made for them. */
const TEST = /\.(test|fuzz)\.tsx?$|(^|\/)(test|testing)\//;
const IMPORT = /(?:from|import)\s*\(?\s*["']([^"']+)["']/g;

interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

interface Room {
  readonly folder: string;
  readonly layer: number;
  readonly manifest: Manifest;
}

/** Every misfit of the checkout at `root`, one sentence each, sorted. */
export function tidy(root: string, files: readonly string[]): readonly string[] {
  const rooms = readRooms(root, files);
  const misfits = [
    ...rooms.misfits,
    ...files.flatMap((file) => sizeMisfits(root, file)),
    ...files.filter((file) => file.endsWith("package.json")).flatMap((file) => versionMisfits(root, file)),
    ...(files.includes(LOCKFILE) ? lockMisfits(root) : []),
    ...rooms.found.flatMap((room) => manifestMisfits(room, rooms.found)),
    ...files.filter((file) => /\.tsx?$/.test(file)).flatMap((file) => sourceMisfits(root, file, rooms.found)),
  ];
  return [...new Set(misfits)].sort();
}

function readRooms(root: string, files: readonly string[]): { found: Room[]; misfits: string[] } {
  const found: Room[] = [];
  const misfits: string[] = [];
  for (const file of files) {
    if (!/^(packages\/[^/]+|apps\/[^/]+|examples|benchmarks|simulator)\/package\.json$/.test(file)) continue;
    const folder = file.slice(0, -"/package.json".length);
    const layer = LAYERS[folder];
    if (layer === undefined)
      misfits.push(`${folder}: has no layer in tools/tidy.ts and docs/ARCHITECTURE.md`);
    else found.push({ folder, layer, manifest: readJson(join(root, file)) });
    if (!files.some((other) => other.startsWith(`${folder}/`) && /\.tsx?$/.test(other))) {
      misfits.push(`${folder}: a room without code; make it when its first line works`);
    }
  }
  return { found, misfits };
}

function sizeMisfits(root: string, file: string): string[] {
  if (UNBOUNDED.test(file)) return [];
  const bytes = statSync(join(root, file)).size;
  if (bytes > FILE_BYTES_MAX)
    return [`${file}: ${bytes} bytes; at most ${FILE_BYTES_MAX} belong in the repository`];
  if (!/\.(ts|tsx|mjs|tolk)$/.test(file)) return [];
  const lines = readFileSync(join(root, file), "utf8").split("\n").length;
  const linesMax = TEST.test(file) ? TEST_LINES_MAX : SOURCE_LINES_MAX;
  return lines > linesMax ? [`${file}: ${lines} lines; past ${linesMax} a file holds two nouns`] : [];
}

function versionMisfits(root: string, file: string): string[] {
  return Object.entries(allDependencies(readJson(join(root, file))))
    .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
    .map(([name, version]) => `${file}: ${name} is "${version}"; pin an exact version`);
}

/** npm drops platform packages from the lockfile when a registry lacks them; `npm ci` then fails everywhere. */
function lockMisfits(root: string): string[] {
  const lock: { readonly packages: Readonly<Record<string, Manifest>> } = JSON.parse(
    readFileSync(join(root, LOCKFILE), "utf8"),
  );
  const locked = new Set(Object.keys(lock.packages).map((path) => path.split("node_modules/").at(-1)));
  return Object.values(lock.packages)
    .flatMap((manifest) => Object.keys(manifest.optionalDependencies ?? {}))
    .filter((name) => !locked.has(name))
    .map(
      (name) =>
        `${LOCKFILE}: lacks the optional ${name}, so npm ci fails; lock versions whose packages all exist`,
    );
}

function manifestMisfits(room: Room, rooms: readonly Room[]): string[] {
  return Object.keys(allDependencies(room.manifest)).flatMap((name) =>
    layerMisfit(room, name, rooms, "package.json"),
  );
}

function layerMisfit(room: Room, name: string, rooms: readonly Room[], where: string): string[] {
  const target = rooms.find((other) => other.manifest.name === name);
  if (!target || target.folder === room.folder || target.layer < room.layer) return [];
  // benchmarks and examples may import anything below the top; nothing imports them
  const relation = target.layer === room.layer ? "a sibling" : "a higher layer";
  return [`${room.folder}/${where}: imports ${name}, ${relation}; imports point to lower layers only`];
}

function sourceMisfits(root: string, file: string, rooms: readonly Room[]): string[] {
  const room = rooms.find((candidate) => file.startsWith(`${candidate.folder}/`));
  const text = withoutComments(readFileSync(join(root, file), "utf8"));
  const inside = room ? file.slice(room.folder.length + 1) : file;
  const isTest = TEST.test(file);
  const misfits: string[] = [];
  for (const [, specifier = ""] of text.matchAll(IMPORT)) {
    if (room) misfits.push(...importMisfits(room, inside, specifier, rooms));
  }
  if (/^src\/(.*\/)?index\.ts$/.test(inside) && /export \* /.test(text)) {
    misfits.push(`${file}: "export *" hides what the door lets through; name each export`);
  }
  if (room && !isTest && inside.startsWith("src/")) {
    // main.ts hands the environment to config.ts; layer 6 starts processes with it
    const mayReadEnvironment =
      ["src/config.ts", "src/main.ts"].includes(inside) ||
      room.layer === TOP_LAYER ||
      WRITES_ENVIRONMENT.has(file);
    if (ENVIRONMENT.test(text) && !mayReadEnvironment) {
      misfits.push(`${file}: reads the environment; only an app's src/config.ts does`);
    }
    misfits.push(...purityMisfits(room, file, inside, text));
  }
  return misfits;
}

function importMisfits(room: Room, inside: string, specifier: string, rooms: readonly Room[]): string[] {
  if (specifier.startsWith(".")) {
    const target = resolve("/", room.folder, inside, "..", specifier);
    if (target.startsWith(resolve("/", room.folder))) return [];
    const reachesOut = rooms.some((other) => target.startsWith(`${resolve("/", other.folder)}/`));
    return reachesOut ? [`${room.folder}/${inside}: reaches into another room by path (${specifier})`] : [];
  }
  const name = specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
  const deep = specifier.startsWith("@pingo/") && specifier.includes("/src/");
  return [
    ...(deep ? [`${room.folder}/${inside}: imports past the door of ${name} (${specifier})`] : []),
    ...layerMisfit(room, name, rooms, inside),
  ];
}

function purityMisfits(room: Room, file: string, inside: string, text: string): string[] {
  const exceptions = PURE[room.folder];
  if (!exceptions || exceptions.some((folder) => inside.startsWith(folder))) return [];
  const modules = [...text.matchAll(IMPORT)]
    .map(([, specifier = ""]) => specifier)
    .filter((specifier) => specifier.startsWith("node:") && !PURE_MODULES.has(specifier))
    .map((specifier) => `${file}: imports ${specifier}; this package is pure`);
  const acts = IMPURE.filter(({ pattern }) => pattern.test(text)).map(
    ({ what }) => `${file}: ${what}; this package is pure and is handed ports`,
  );
  return [...modules, ...acts];
}

function allDependencies(manifest: Manifest): Readonly<Record<string, string>> {
  return { ...manifest.dependencies, ...manifest.devDependencies, ...manifest.optionalDependencies };
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|[^:"'`])\/\/.*$/gm, "$1");
}

function readJson(path: string): Manifest {
  return JSON.parse(readFileSync(path, "utf8"));
}

/** What git tracks or would; every file but node_modules where the checkout is no repository. */
function projectFiles(root: string): readonly string[] {
  if (!existsSync(join(root, ".git"))) {
    return readdirSync(root, { recursive: true, encoding: "utf8" })
      .map((file) => file.replaceAll("\\", "/"))
      .filter((file) => !/(^|\/)node_modules(\/|$)/.test(file) && statSync(join(root, file)).isFile());
  }
  return execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { cwd: root })
    .toString()
    .split("\n")
    .filter((file) => file !== "" && existsSync(join(root, file)));
}

function main(): void {
  const root = resolve(process.argv[2] ?? ".");
  const misfits = [...tidy(root, projectFiles(root))];
  const major = Number(process.versions.node.split(".")[0]);
  if (major < NODE_MAJOR)
    misfits.push(`Node ${process.versions.node} runs this; npm scripts bring Node ${NODE_MAJOR}`);
  for (const misfit of misfits) console.error(misfit);
  console.error(misfits.length === 0 ? "tidy: nothing out of place" : `tidy: ${misfits.length} out of place`);
  process.exitCode = misfits.length === 0 ? 0 : 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) main();
