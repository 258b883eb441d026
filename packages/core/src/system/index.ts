/** The real ports: the one door in this package to the machine's clock, chance, disk and network. */

export { DiskError, type DiskFault } from "../disk-error.ts";
export { systemClock } from "./clock.ts";
export { systemDisk } from "./disk.ts";
export { diskErrorOf, errorCode, fullDiskOr } from "./disk-error-of.ts";
export { systemFetch } from "./fetch.ts";
export { type Lifetime, untilStopped } from "./lifetime.ts";
export { makeFolder, makeFolderSync } from "./make-folder.ts";
export { systemPrng } from "./prng.ts";
export { sendSignal } from "./send-signal.ts";
