/** What a disk, or what stands for one, can refuse. */
import { FaultError, type Sentences } from "./fault.ts";

export type DiskFault =
  | { readonly code: "DISK_FULL"; readonly path: string; readonly bytes: number }
  | { readonly code: "DISK_FAILED"; readonly path: string; readonly why: string };

const SENTENCES: Sentences<DiskFault> = {
  DISK_FULL: (f) =>
    `no room ${f.bytes > 0 ? `for ${f.bytes} bytes ` : ""}at ${f.path}; free some space or point PINGO_HOME at another disk`,
  DISK_FAILED: (f) => `cannot use ${f.path}: ${f.why}`,
};

export class DiskError extends FaultError<DiskFault> {
  override readonly name = "DiskError";
  constructor(fault: DiskFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}
