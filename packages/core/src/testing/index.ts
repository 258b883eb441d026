/** Ports that a test drives: time moves when told, the disk fails when told, the log can be read; and ports of TCP. */
export { alter, type Edit } from "./alter.ts";
export { freePort } from "./free-port.ts";
export { createMemoryDisk, type MemoryDisk } from "./memory-disk.ts";
export { createRecordedLog, type RecordedLog, silentLog } from "./recorded-log.ts";
export { createTestClock, type TestClock } from "./test-clock.ts";
