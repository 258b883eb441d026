/**
 * What a process has written since it began, also to files that no folder names any more.
 *
 * SOURCE: Documentation/filesystems/proc.rst, /proc/PID/io: wchar is what its calls wrote, to whatever; write_bytes what of a
 * disk it made dirty, also through memory.
 */
import { readFileSync } from "node:fs";

/** Undefined where the system does not tell, or the process has ended. */
export function writtenBytes(pid: number): number | undefined {
  try {
    return largestIn(readFileSync(`/proc/${pid}/io`, "latin1"));
  } catch {
    return undefined;
  }
}

function largestIn(text: string): number {
  return Math.max(
    0,
    ...[...text.matchAll(/^(?:wchar|write_bytes): (\d+)$/gm)].map(([, bytes]) => Number(bytes)),
  );
}
