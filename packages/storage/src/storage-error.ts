/** What can go wrong with stored bytes, and one sentence for each. */
import { type Cid, FaultError, formatBytes, type Sentences } from "@pingo/core";

export type StorageFault =
  | { readonly code: "BLOCK_NOT_FOUND"; readonly cid: Cid; readonly where: string }
  | { readonly code: "BLOCK_CORRUPT"; readonly cid: Cid; readonly path: string }
  | { readonly code: "BLOCK_ALTERED"; readonly cid: Cid; readonly url: string }
  | { readonly code: "BLOCK_TOO_LARGE"; readonly what: string; readonly bytesMax: number }
  | {
      readonly code: "QUOTA_EXCEEDED";
      readonly folder: string;
      readonly neededBytes: number;
      readonly usedBytes: number;
      readonly quotaBytes: number;
    }
  | { readonly code: "FOG_UNREACHABLE"; readonly url: string; readonly why: string }
  | { readonly code: "FOG_REFUSED"; readonly url: string; readonly status: number }
  | { readonly code: "DAG_MALFORMED"; readonly cid: Cid; readonly why: string }
  | { readonly code: "DAG_TOO_DEEP"; readonly cid: Cid; readonly depthMax: number }
  | { readonly code: "DAG_TOO_LARGE"; readonly cid: Cid; readonly blocksMax: number }
  | { readonly code: "FILE_TOO_LARGE"; readonly cid: Cid; readonly sizeBytesMax: number }
  | { readonly code: "NOT_A_FILE"; readonly cid: Cid }
  | { readonly code: "NOT_A_FOLDER"; readonly cid: Cid }
  | { readonly code: "NAME_REFUSED"; readonly name: string; readonly where: string }
  | { readonly code: "ENTRY_REFUSED"; readonly path: string; readonly kind: string }
  | { readonly code: "FOLDER_TOO_WIDE"; readonly where: string; readonly entriesMax: number }
  | { readonly code: "FOLDER_TOO_LARGE"; readonly where: string; readonly entriesMax: number }
  | { readonly code: "EXPORT_TARGET_EXISTS"; readonly path: string }
  | { readonly code: "SAFETENSORS_MALFORMED"; readonly why: string }
  | { readonly code: "SAFETENSORS_HEADER_TOO_LARGE"; readonly bytes: number; readonly bytesMax: number }
  | { readonly code: "DATASET_EMPTY" }
  | { readonly code: "DATASET_TOO_LARGE"; readonly what: string; readonly max: number }
  | { readonly code: "DATASET_DTYPE_REFUSED"; readonly tensor: string; readonly dtype: string }
  | { readonly code: "DATASET_SCALAR"; readonly tensor: string }
  | {
      readonly code: "ROWS_DIFFER";
      readonly first: string;
      readonly firstRows: number;
      readonly other: string;
      readonly otherRows: number;
    }
  | { readonly code: "MANIFEST_MALFORMED"; readonly cid: Cid; readonly why: string }
  | { readonly code: "SHARD_MISMATCH"; readonly cid: Cid; readonly why: string }
  | { readonly code: "FOLDER_IN_USE"; readonly folder: string; readonly pid: number | undefined };

const SENTENCES: Sentences<StorageFault> = {
  BLOCK_NOT_FOUND: (f) =>
    `block ${f.cid} is not in ${f.where}; store it there again, or ask another fog node`,
  BLOCK_CORRUPT: (f) =>
    `block ${f.cid} at ${f.path} was altered on the disk, so it was removed; fetch or store it again`,
  BLOCK_ALTERED: (f) =>
    `${f.url} answered bytes that are not block ${f.cid}, so they were refused; ask another fog node`,
  BLOCK_TOO_LARGE: (f) => `${f.what} is larger than ${formatBytes(f.bytesMax)}; store it as a file instead`,
  QUOTA_EXCEEDED: (f) =>
    `${formatBytes(f.neededBytes)} more do not fit ${f.folder}: ${formatBytes(f.usedBytes)} of its quota of ` +
    `${formatBytes(f.quotaBytes)} are used; remove something or raise the quota`,
  FOG_UNREACHABLE: (f) =>
    `no answer from ${f.url} (${f.why}); check that the fog node runs and that the address is right`,
  FOG_REFUSED: (f) => `${f.url} answered ${f.status} and not what a fog node answers; check the address`,
  DAG_MALFORMED: (f) => `${f.cid} is not a file or folder PinGo can read: ${f.why}; store it again`,
  DAG_TOO_DEEP: (f) => `${f.cid} nests deeper than ${f.depthMax} levels; store it with fewer levels`,
  DAG_TOO_LARGE: (f) => `${f.cid} has more than ${f.blocksMax} blocks; store it in several parts`,
  FILE_TOO_LARGE: (f) => `file ${f.cid} is larger than the ${formatBytes(f.sizeBytesMax)} accepted here`,
  NOT_A_FILE: (f) => `${f.cid} is not a file; name a file inside it`,
  NOT_A_FOLDER: (f) => `${f.cid} is not a folder; read it as a file`,
  NAME_REFUSED: (f) =>
    `${f.where} has an entry named ${JSON.stringify(f.name)}, which is not a safe file name`,
  ENTRY_REFUSED: (f) => `${f.path} is ${f.kind}; only files and folders can be stored, so move it away first`,
  FOLDER_TOO_WIDE: (f) => `${f.where} has more than ${f.entriesMax} entries; spread them over sub-folders`,
  FOLDER_TOO_LARGE: (f) => `${f.where} has more than ${f.entriesMax} files and folders; store it in parts`,
  EXPORT_TARGET_EXISTS: (f) => `${f.path} exists already; choose a new name or remove it first`,
  SAFETENSORS_MALFORMED: (f) => `the bytes are not a safetensors file: ${f.why}; save the file again`,
  SAFETENSORS_HEADER_TOO_LARGE: (f) =>
    `the safetensors header claims ${f.bytes} bytes; at most ${f.bytesMax} are accepted, so use fewer tensors`,
  DATASET_EMPTY: () => "the dataset has no rows; give it at least one tensor with at least one row",
  DATASET_TOO_LARGE: (f) => `${f.what} is over the limit of ${f.max}; split the dataset`,
  DATASET_DTYPE_REFUSED: (f) =>
    `tensor "${f.tensor}" has type ${f.dtype}; a dataset holds float32, int64, int32, uint8 or bool, so convert it`,
  DATASET_SCALAR: (f) => `tensor "${f.tensor}" is a scalar; give it a first axis, one entry per row`,
  ROWS_DIFFER: (f) =>
    `tensor "${f.first}" has ${f.firstRows} rows but "${f.other}" has ${f.otherRows}; make them equal`,
  MANIFEST_MALFORMED: (f) => `${f.cid} is not a dataset manifest: ${f.why}; pack the dataset again`,
  SHARD_MISMATCH: (f) => `shard ${f.cid} is not what its manifest says: ${f.why}; pack the dataset again`,
  FOLDER_IN_USE: (f) =>
    `${f.folder} is in use by ${f.pid === undefined ? "another process" : `process ${f.pid}`}; stop it first, ` +
    "or choose another folder with PINGO_HOME",
};

export class StorageError extends FaultError<StorageFault> {
  override readonly name = "StorageError";
  constructor(fault: StorageFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}

export function isStorageFault(error: unknown, ...codes: readonly StorageFault["code"][]): boolean {
  return error instanceof StorageError && codes.includes(error.code);
}
