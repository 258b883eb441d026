/** Lays the package's files out in a folder, as they will lie on the machine. */
import { existsSync } from "node:fs";
import { chmod, cp, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { serviceUnit, UNIT_NAME } from "../../apps/cli/src/local/service-unit.ts";
import { bundleAgent } from "./bundle-agent.ts";
import { type Closure, closureOf } from "./closure.ts";

/** What `pingo` runs. */
const APPS = ["apps/cli", "apps/fog", "apps/provider", "apps/devnet", "examples"];
/** Where all of it lies on the machine. */
export const HOME = "usr/lib/pingo";
const NODE = "bin/node";
/** Nothing of these runs. */
const LEFT_OUT = /(\.test\.ts|\.fuzz\.ts|\.map|\.md|\.d\.ts|\.d\.mts|\.d\.cts)$/;
const FOLDERS_LEFT_OUT = new Set(["test", "tests", "__tests__", "peers", "page", "dist", "node_modules"]);

export interface StageOptions {
  readonly root: string;
  readonly folder: string;
  /** As Node names it: "x64". */
  readonly arch: string;
}

export async function stage({ root, folder, arch }: StageOptions): Promise<Closure> {
  const home = join(folder, HOME);
  const closure = closureOf(JSON.parse(await readFile(join(root, "package-lock.json"), "utf8")), APPS);
  for (const path of closure.workspaces) {
    await copy(join(root, path), join(home, path), (name, isFolder) =>
      isFolder ? !FOLDERS_LEFT_OUT.has(name) : !LEFT_OUT.test(name),
    );
  }
  for (const path of closure.installed) {
    if (!existsSync(join(root, path))) continue; // another system's optional part
    await copy(join(root, path), join(home, path), (name, isFolder) =>
      isFolder ? name !== "node_modules" : !/\.(map|md|d\.ts|d\.mts|d\.cts)$/.test(name),
    );
  }
  for (const [path, target] of closure.links) {
    await mkdir(dirname(join(home, path)), { recursive: true });
    await symlink(relative(dirname(path), target), join(home, path));
  }
  await keepOneSystem(join(home, "node_modules/onnxruntime-node/bin"), arch);
  await copyFile(join(root, "node_modules/node/bin/node"), join(home, NODE));
  await copyFile(join(root, "package.json"), join(home, "package.json"));
  await bundleAgent(home);
  await copyFile(join(root, "LICENSE"), join(folder, "usr/share/doc/pingo/copyright"));
  await write(join(folder, "usr/bin/pingo"), WRAPPER, 0o755);
  await write(join(folder, "usr/lib/systemd/user", UNIT_NAME), unit(), 0o644);
  return closure;
}

/** Finds its files from where it lies, so that it also runs where it was only unpacked. */
const WRAPPER = `#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
exec "$here/../lib/pingo/${NODE}" "$here/../lib/pingo/apps/cli/src/main.ts" "$@"
`;

/** Started by who wants it: \`systemctl --user enable --now ${UNIT_NAME}\`. */
function unit(): string {
  return serviceUnit({
    command: [`/${HOME}/${NODE}`, `/${HOME}/apps/provider/src/main.ts`],
    environment: {},
    environmentFile: "%h/.pingo/provider.env",
  });
}

async function copy(
  from: string,
  to: string,
  takes: (name: string, isFolder: boolean) => boolean,
): Promise<void> {
  await cp(from, to, {
    recursive: true,
    filter: async (source) => {
      if (source === from) return true;
      const isFolder = await readdir(source).then(
        () => true,
        () => false, // a file
      );
      return takes(basename(source), isFolder);
    },
  });
}

async function copyFile(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await cp(from, to);
}

/** ONNX Runtime brings the libraries of every system; 40 of its 290 MB are this one's. */
async function keepOneSystem(bin: string, arch: string): Promise<void> {
  for (const abi of await readdir(bin)) {
    for (const system of await readdir(join(bin, abi))) {
      for (const one of await readdir(join(bin, abi, system))) {
        if (system !== "linux" || one !== arch)
          await rm(join(bin, abi, system, one), { recursive: true, force: true });
      }
    }
  }
}

export async function write(path: string, text: string, mode: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  await chmod(path, mode);
}
