/** What is told of an error that a file call, or a database, met. */
import { DiskError } from "../disk-error.ts";
import { FaultError } from "../fault.ts";

/**
 * The fault behind an error when it comes from a full disk, whoever met it: a file call, SQLite, PostgreSQL
 * or PGlite. Other errors come back as they are.
 *
 * @param path what was being kept, for the sentence
 */
export function fullDiskOr(path: string, error: unknown): unknown {
  if (error instanceof FaultError || !isDiskFull(error)) return error;
  return new DiskError({ code: "DISK_FULL", path, bytes: 0 }, { cause: error });
}

/** What "no space left" is called by the kernel, SQLite (SQLITE_FULL), WASI and PostgreSQL (disk_full). */
const FULL = { codes: ["ENOSPC", "EDQUOT", "53100"], sqliteCode: 13, wasiErrno: 51 } as const;

function isDiskFull(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  const { code, errcode, errno, name, cause } = error as Readonly<Record<string, unknown>>; // SAFETY: read only, each checked
  return (
    FULL.codes.some((full) => full === code) ||
    errcode === FULL.sqliteCode ||
    (name === "ErrnoError" && errno === FULL.wasiErrno) ||
    isDiskFull(cause)
  );
}

const ELSEWHERE = "choose another place (PINGO_HOME says where PinGo's own files go)";
const NOT_PERMITTED = `the system does not permit it; check who owns it and whom it lets in, or ${ELSEWHERE}`;

/** In words, what a user meets most, and what to do. */
const WHY_BY_CODE: ReadonlyMap<string, string> = new Map([
  ["EISDIR", "it is a folder, and a file is wanted; name a file"],
  ["ENXIO", "it is a socket or a device, and a file is wanted; name a file"],
  ["ENOTDIR", `a part of its path is no folder; ${ELSEWHERE}`],
  ["EEXIST", `something else is there already; move it, or ${ELSEWHERE}`],
  ["ENOENT", `the system keeps nothing of ours there; ${ELSEWHERE}`],
  ["ELOOP", "its links lead in a circle; name the file itself"],
  ["ENAMETOOLONG", "its path is longer than the system allows; choose a shorter one"],
  ["EACCES", NOT_PERMITTED],
  ["EPERM", NOT_PERMITTED],
  ["EROFS", `the disk can only be read; ${ELSEWHERE}`],
]);

/** The fault behind a file call that failed; one that is a disk's fault already stays as it is. */
export function diskErrorOf(path: string, cause: unknown, bytes = 0): DiskError {
  if (cause instanceof DiskError) return cause;
  if (isDiskFull(cause)) return new DiskError({ code: "DISK_FULL", path, bytes }, { cause });
  const code = errorCode(cause);
  const why =
    (code && WHY_BY_CODE.get(code)) ?? code ?? (cause instanceof Error ? cause.message : String(cause));
  return new DiskError({ code: "DISK_FAILED", path, why }, { cause });
}

/** What the system calls it: ENOENT, EAGAIN and so on. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}
