/**
 * Builds the Debian package, unpacks it beside, and runs what came out: \`npm run pack:deb [-- FOLDER]\`.
 *
 * It holds the apps, what they need of node_modules and the pinned Node, so it needs neither npm nor a Node on the machine.
 */
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { agentBundle } from "../apps/provider/src/agent-bundle.ts";
import { control, manPage } from "./pack/control.ts";
import { HOME, stage, write } from "./pack/stage.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const ARCH_DEBIAN: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

const out = resolve(process.argv[2] ?? join(ROOT, "dist"));
const arch = ARCH_DEBIAN[process.arch];
if (process.platform !== "linux" || arch === undefined) {
  console.error(
    `a Debian package is built on linux, x64 or arm64; this is ${process.platform} ${process.arch}`,
  );
  process.exit(1);
}
const work = await mkdtemp(join(tmpdir(), "pingo-deb-"));
try {
  const { version } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
  const folder = join(work, "tree");
  say("laying out the files");
  const { installed } = await stage({ root: ROOT, folder, arch: process.arch });
  const installedKiB = Math.ceil((await sizeOf(folder)) / 1_024);
  await write(join(folder, "DEBIAN/control"), control({ version, arch, installedKiB }), 0o644);
  const help = (words: readonly string[]): string => run(join(folder, "usr/bin/pingo"), [...words, "--help"]);
  const man = join(folder, "usr/share/man/man1");
  await mkdir(man, { recursive: true });
  await writeFile(join(man, "pingo.1.gz"), gzipSync(manPage(version, help), { level: 9 }));
  await mkdir(out, { recursive: true });
  const path = join(out, `pingo_${version}_${arch}.deb`);
  say("packing");
  run("dpkg-deb", ["--build", "--root-owner-group", "-Zxz", "-z1", folder, path]);
  await rm(folder, { recursive: true });
  say("unpacking it, and running what came out");
  await check(path, join(work, "unpacked"));
  const { size } = await stat(path);
  say(`${path}: ${(size / 2 ** 20).toFixed(0)} MiB, ${installed.length} packages of others`);
} finally {
  await rm(work, { recursive: true, force: true });
}

/** A fault in what was packed is met here, not on somebody's machine. */
async function check(path: string, folder: string): Promise<void> {
  run("dpkg-deb", ["-x", path, folder]);
  if (agentBundle(join(folder, HOME)) === null)
    throw new Error("what was packed has no bundle of its own sources");
  const home = join(folder, "home");
  const pingo = (words: readonly string[]): string =>
    run(join(folder, "usr/bin/pingo"), words, { PATH: "/usr/bin:/bin", HOME: home, PINGO_HOME: home });
  const checks: readonly { name: string; ok: boolean; needed: boolean; found: string }[] = JSON.parse(
    pingo(["doctor", "--json"]),
  ).checks;
  for (const one of checks)
    say(`  ${one.ok ? "ok" : one.needed ? "MISSING" : "without"}: ${one.name}: ${one.found}`);
  const missing = checks.filter(({ ok, needed }) => needed && !ok);
  if (missing.length > 0)
    throw new Error(`what was packed lacks ${missing.map(({ name }) => name).join(", ")}`);
  const { gflops } = JSON.parse(pingo(["node", "bench", "--json"]));
  if (!(gflops > 0)) throw new Error("the packed worker does not compute");
  say(`  a worker of it computes, ${gflops.toFixed(0)} GFLOP/s`);
}

function run(command: string, words: readonly string[], env?: Readonly<Record<string, string>>): string {
  return execFileSync(command, words, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 2 ** 26,
    ...(env && { env }),
  });
}

async function sizeOf(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return bytes;
}

function say(line: string): void {
  console.error(line);
}
