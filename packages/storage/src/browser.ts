/** The door for pages (condition "browser"): blocks over HTTP and on a Disk, files and shards in them; nothing of Node. */
export type { BlockOptions, BlockReader, Blocks, BlockWriter } from "./blocks.ts";
export { type CachedBlocksOptions, createCachedBlocks } from "./cached-blocks.ts";
export { readManifest, readShards } from "./dataset.ts";
export { createDiskBlocks, type DiskBlocks, type DiskBlocksOptions } from "./disk-blocks.ts";
export { createHttpBlocks, type HttpBlocks, type HttpBlocksOptions } from "./http-client.ts";
export { StorageError, type StorageFault } from "./storage-error.ts";
export { copyDag } from "./unixfs/dag.ts";
export { readFile, readFileParts } from "./unixfs/read-file.ts";
export { writeFile } from "./unixfs/write-file.ts";
