/**
 * The walls around a worker: what it computes comes from strangers, through a large native library.
 *
 * Bubblewrap, where the system lets us: no network, no other processes, a file system that holds the program, the blocks
 * it reads and the folder it writes, no privileges, and no system calls that it has no use for. Limits of the system
 * (rlimits) and Node's permissions hold with and without it.
 */
import { existsSync } from "node:fs";
import { totalmem } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { HUGE_PAGES_FOLDER } from "@pingo/core/malloc";

export interface SandboxFolders {
  /** Blocks of programs, weights and shards; read. */
  readonly blocks: string;
  /** Updates; written. */
  readonly updates: string;
  /** Compiled code; read, and written only where there is no bubblewrap. */
  readonly compileCache: string;
}

/** File descriptors that bubblewrap is handed. */
export const SECCOMP_FD = 4;
export const INFO_FD = 5;

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
/** All that a worker imports. */
const PROGRAM = ["packages", "apps/provider", "node_modules"].map((path) => join(ROOT, path));
const SYSTEM = ["/usr", "/bin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/alternatives"];

/** The kernel counts as data what V8 sets aside for code and never touches: 540 MiB in Node 24 that does nothing. */
const RESERVED_BYTES = 640 * 2 ** 20;
/** Of the machine; what the owner's policy lends is less, and this holds should the worker go astray. */
export const MEMORY_SHARE_MAX = 0.8;
/** A block on disk has at most 2 MiB. */
const FILE_BYTES_MAX = 16 * 2 ** 20;
const FILES_OPEN_MAX = 512;

/** Every wall but the file system's may be missing; this says whether all stand. */
export const BUBBLEWRAP_PROBE = [
  "bwrap",
  "--unshare-all",
  "--die-with-parent",
  "--ro-bind",
  "/",
  "/",
  "--proc",
  "/proc",
] as const;

export function bubblewrap({ blocks, updates, compileCache }: SandboxFolders): readonly string[] {
  const shown = (path: string) => ["--ro-bind-try", path, path];
  return [
    "bwrap",
    ...["--unshare-all", "--die-with-parent", "--as-pid-1", "--cap-drop", "ALL"],
    ...["--proc", "/proc", "--dev", "/dev"],
    ...[...SYSTEM, HUGE_PAGES_FOLDER, process.execPath, ...PROGRAM, compileCache, blocks].flatMap(shown),
    ...["--bind", updates, updates, "--chdir", updates],
    // What lies between these is memory, and would be written without limit. Of /proc, the settings of the whole computer are
    // there for whoever is its root, which a worker of a system service is, without any of root's privileges.
    ...["--remount-ro", "/proc", "--remount-ro", "/dev", "--remount-ro", "/"],
    ...["--seccomp", String(SECCOMP_FD), "--info-fd", String(INFO_FD)],
    "--",
  ];
}

/** SOURCE: prlimit(1), getrlimit(2). Memory is what a process may write to: V8 and WebAssembly reserve far more. */
export function resourceLimits(
  memoryBytesMax = Math.floor(MEMORY_SHARE_MAX * totalmem()),
): readonly [string, ...string[]] {
  return [
    "prlimit",
    `--data=${memoryBytesMax + RESERVED_BYTES}`,
    `--fsize=${FILE_BYTES_MAX}`,
    `--nofile=${FILES_OPEN_MAX}`,
    "--core=0",
  ];
}

/** Node's own walls: no processes, no threads of ours, and these files. SOURCE: nodejs.org/api/permissions.html */
export function nodePermissions({ blocks, updates, compileCache }: SandboxFolders): readonly string[] {
  const read = [
    ...PROGRAM,
    blocks,
    updates,
    compileCache,
    join(ROOT, "package.json"),
    dirname(process.execPath),
  ];
  return [
    "--permission",
    "--allow-addons", // ONNX Runtime is one
    "--disable-warning=PERM0001", // which Node warns of
    ...read.filter((path) => existsSync(path)).map((path) => `--allow-fs-read=${path}`),
    `--allow-fs-write=${updates}`,
    `--allow-fs-write=${compileCache}`,
  ];
}
