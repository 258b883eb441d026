/** Stores of blocks. Bytes that come out of one are always the block that the CID names. */
import { type BlockCodec, type Cid, LIMITS } from "@pingo/core";
import { StorageError } from "./storage-error.ts";

export interface BlockOptions {
  readonly signal?: AbortSignal;
}

export interface PutOptions extends BlockOptions {
  /** Whose block the bytes are known to be, as whoever hands them over has checked: it is not worked out again. */
  readonly cid?: Cid;
}

export interface BlockReader {
  /** @throws {StorageError} BLOCK_NOT_FOUND when this reader does not have it */
  get(cid: Cid, options?: BlockOptions): Promise<Uint8Array>;
  has(cid: Cid, options?: BlockOptions): Promise<boolean>;
}

export interface BlockWriter {
  /** Idempotent: the same bytes under the same codec are one block. @throws {StorageError} BLOCK_TOO_LARGE */
  put(bytes: Uint8Array, codec?: BlockCodec, options?: PutOptions): Promise<Cid>;
}

export interface Blocks extends BlockReader, BlockWriter {}

/** @throws {StorageError} BLOCK_TOO_LARGE */
export function checkBlockSize(bytes: Uint8Array): void {
  if (bytes.byteLength <= LIMITS.blockBytesMax) return;
  throw new StorageError({
    code: "BLOCK_TOO_LARGE",
    what: `a block of ${bytes.byteLength} bytes`,
    bytesMax: LIMITS.blockBytesMax,
  });
}
