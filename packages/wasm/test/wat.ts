/** Small programs, written as text: the compiler is wabt's, which tests alone use. */
import type { StoredTree } from "@pingo/storage";
import loadWabt from "wabt";
import { type PieceRun, type PieceTask, runPiece } from "../src/run-piece.ts";

const wabt = await loadWabt();
/** What modules are refused for is written here too. */
const FEATURES = {
  bulk_memory: true,
  multi_memory: true,
  threads: true,
  memory64: true,
  exceptions: true,
  tail_call: true,
};

/** A whole module. */
export function moduleOf(wat: string): Uint8Array {
  const parsed = wabt.parseWat("test.wat", wat, FEATURES);
  try {
    return parsed.toBinary({}).buffer;
  } finally {
    parsed.destroy();
  }
}

const IMPORTS = {
  args_get: "i32 i32",
  args_sizes_get: "i32 i32",
  clock_time_get: "i32 i64 i32",
  environ_get: "i32 i32",
  environ_sizes_get: "i32 i32",
  fd_close: "i32",
  fd_fdstat_get: "i32 i32",
  fd_filestat_get: "i32 i32",
  fd_filestat_set_size: "i32 i64",
  fd_pread: "i32 i32 i32 i64 i32",
  fd_prestat_dir_name: "i32 i32 i32",
  fd_prestat_get: "i32 i32",
  fd_pwrite: "i32 i32 i32 i64 i32",
  fd_read: "i32 i32 i32 i32",
  fd_readdir: "i32 i32 i32 i64 i32",
  fd_renumber: "i32 i32",
  fd_seek: "i32 i64 i32 i32",
  fd_tell: "i32 i32",
  fd_write: "i32 i32 i32 i32",
  path_create_directory: "i32 i32 i32",
  path_filestat_get: "i32 i32 i32 i32 i32",
  path_link: "i32 i32 i32 i32 i32 i32 i32",
  path_open: "i32 i32 i32 i32 i32 i64 i64 i32 i32",
  path_readlink: "i32 i32 i32 i32 i32 i32",
  path_remove_directory: "i32 i32 i32",
  path_rename: "i32 i32 i32 i32 i32 i32",
  path_symlink: "i32 i32 i32 i32 i32",
  path_unlink_file: "i32 i32 i32",
  poll_oneoff: "i32 i32 i32 i32",
  random_get: "i32 i32",
  sock_accept: "i32 i32 i32",
} as const;
export type Import = keyof typeof IMPORTS;

/** `body` is that of _start; strings lie at the addresses that it names them with. */
export function program(body: string, data: Readonly<Record<number, string>> = {}): Uint8Array {
  const imports = Object.entries(IMPORTS).filter(([name]) => body.includes(`$${name}`));
  return moduleOf(`(module
    ${imports.map(([name, types]) => `(import "wasi_snapshot_preview1" "${name}" (func $${name} (param ${types}) (result i32)))`).join("\n")}
    (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $fd_write_ (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 2)
    ${Object.entries(data)
      .map(([at, text]) => `(data (i32.const ${at}) ${JSON.stringify(text)})`)
      .join("\n")}
    (func $exit_with (param i32) (call $proc_exit (local.get 0)))
    (func $say (param $fd i32) (param $at i32) (param $length i32) (result i32)
      (i32.store (i32.const 1000) (local.get $at))
      (i32.store (i32.const 1004) (local.get $length))
      (call $fd_write_ (local.get $fd) (i32.const 1000) (i32.const 1) (i32.const 1008)))
    (func (export "_start") (local $i i32) (local $n i32) ${body}))`);
}

const LIMITS_OF_TESTS = { memoryBytes: 4 * 2 ** 20, outputBytes: 64 * 1_024, secondsPerPiece: 10 };

export function run(
  module: Uint8Array,
  change: Partial<PieceTask> = {},
  leaves = new Map<string, Uint8Array>(),
): PieceRun {
  return runPiece(
    {
      module,
      arguments: ["test"],
      environment: {},
      input: null,
      limits: LIMITS_OF_TESTS,
      seed: 1,
      ...change,
    },
    (cid) => leaves.get(cid) ?? new Uint8Array(),
  );
}

export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** Files that hold their bytes themselves. */
export function treeOf(files: Readonly<Record<string, string>>): StoredTree {
  const file = (text: string): StoredTree => {
    const bytes = new TextEncoder().encode(text);
    return {
      kind: "file",
      sizeBytes: bytes.byteLength,
      parts: [{ cid: null, bytes, sizeBytes: bytes.byteLength }],
    };
  };
  return {
    kind: "folder",
    entries: new Map(Object.entries(files).map(([name, text]) => [name, file(text)])),
  };
}
