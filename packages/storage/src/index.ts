/** Blocks by CID on disk and over HTTP, files and folders as UnixFS, tensors as safetensors, datasets. */
export { encodeAdapters } from "./adapters-file.ts";
export type { BlockOptions, BlockReader, Blocks, BlockWriter, PutOptions } from "./blocks.ts";
export { type CachedBlocksOptions, createCachedBlocks } from "./cached-blocks.ts";
export {
  type PackedDataset,
  type PackOptions,
  packDataset,
  type ReadOptions,
  readManifest,
  readShards,
} from "./dataset.ts";
export { createDiskBlocks, type DiskBlocks, type DiskBlocksOptions } from "./disk-blocks.ts";
export { createHttpBlocks, type HttpBlocks, type HttpBlocksOptions } from "./http-client.ts";
export {
  type BlockHandler,
  type BlockHandlerOptions,
  createBlockHandler,
  type Transfer,
} from "./http-handler.ts";
export { lockFolder } from "./lock.ts";
export { type ReceivedBody, type ReceiveOptions, receiveBody, UPLOAD_AGAIN_SECONDS } from "./receive-body.ts";
export { decodeSafetensors, encodeSafetensors } from "./safetensors.ts";
export { StorageError, type StorageFault } from "./storage-error.ts";
export {
  type CopyOptions,
  type CopyProgress,
  copyDag,
  type DagOptions,
  type DagStat,
  linksOf,
  statDag,
} from "./unixfs/dag.ts";
export { type ExportOptions, type ExportProgress, exportFolder } from "./unixfs/export-folder.ts";
export { type FolderOptions, type FolderSurvey, importFolder, surveyFolder } from "./unixfs/import-folder.ts";
export { type ReadFileOptions, readFile, readFileParts } from "./unixfs/read-file.ts";
export {
  type MemoryEntry,
  type MemoryTree,
  readTree,
  type StoredFile,
  type StoredFolder,
  type StoredLink,
  type StoredTree,
  type TreeLimits,
  writeTree,
} from "./unixfs/stored-tree.ts";
export { type FileSource, type WriteFileOptions, writeFile } from "./unixfs/write-file.ts";
export type { UploadFault } from "./upload-error.ts";
export { UploadRoom } from "./upload-room.ts";
