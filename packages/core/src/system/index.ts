/** The real ports: the one door in this package to the machine's clock, chance, disk and network. */
export { systemClock } from "./clock.ts";
export { DiskError, type DiskFault, diskErrorOf, errorCode, fullDiskOr, systemDisk } from "./disk.ts";
export { systemFetch } from "./fetch.ts";
export { systemPrng } from "./prng.ts";
