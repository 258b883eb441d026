/**
 * WASI preview 1, as modules import it: each function's parameters ("i" is i32, "I" is i64). All answer an i32 but proc_exit.
 *
 * SOURCE: https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md
 */
export const WASI_MODULE = "wasi_snapshot_preview1";

export const SIGNATURES = {
  args_get: "ii",
  args_sizes_get: "ii",
  environ_get: "ii",
  environ_sizes_get: "ii",
  clock_res_get: "ii",
  clock_time_get: "iIi",
  fd_advise: "iIIi",
  fd_allocate: "iII",
  fd_close: "i",
  fd_datasync: "i",
  fd_fdstat_get: "ii",
  fd_fdstat_set_flags: "ii",
  fd_fdstat_set_rights: "iII",
  fd_filestat_get: "ii",
  fd_filestat_set_size: "iI",
  fd_filestat_set_times: "iIIi",
  fd_pread: "iiiIi",
  fd_prestat_get: "ii",
  fd_prestat_dir_name: "iii",
  fd_pwrite: "iiiIi",
  fd_read: "iiii",
  fd_readdir: "iiiIi",
  fd_renumber: "ii",
  fd_seek: "iIii",
  fd_sync: "i",
  fd_tell: "ii",
  fd_write: "iiii",
  path_create_directory: "iii",
  path_filestat_get: "iiiii",
  path_filestat_set_times: "iiiiIIi",
  path_link: "iiiiiii",
  path_open: "iiiiiIIii",
  path_readlink: "iiiiii",
  path_remove_directory: "iii",
  path_rename: "iiiiii",
  path_symlink: "iiiii",
  path_unlink_file: "iii",
  poll_oneoff: "iiii",
  proc_exit: "i",
  proc_raise: "i",
  random_get: "ii",
  sched_yield: "",
  sock_accept: "iii",
  sock_recv: "iiiiii",
  sock_send: "iiiii",
  sock_shutdown: "ii",
} as const;

export type WasiName = keyof typeof SIGNATURES;

export function isWasiName(name: string): name is WasiName {
  return Object.hasOwn(SIGNATURES, name);
}

/** As the module's own type says it: "iIi:i". */
export function signatureOf(name: WasiName): string {
  return `${SIGNATURES[name]}:${name === "proc_exit" ? "" : "i"}`;
}

/** A signature's parameters as TypeScript's. */
export type Params<S extends string> = S extends `i${infer Rest}`
  ? [number, ...Params<Rest>]
  : S extends `I${infer Rest}`
    ? [bigint, ...Params<Rest>]
    : [];
