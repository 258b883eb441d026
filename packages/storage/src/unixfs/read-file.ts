/** Reads files back, part by part, in order, believing no size that a node claims for another. */
import type { Cid } from "@pingo/core";
import type { BlockReader } from "../blocks.ts";
import { StorageError } from "../storage-error.ts";
import { DEPTH_MAX, decodeUnixFsNode, malformed, type UnixFsNode } from "./node.ts";

export interface ReadFileOptions {
  readonly sizeBytesMax: number;
  readonly signal?: AbortSignal;
}

/** @throws {StorageError} FILE_TOO_LARGE before anything below the root is fetched; NOT_A_FILE, DAG_… */
export async function readFile(blocks: BlockReader, cid: Cid, options: ReadFileOptions): Promise<Uint8Array> {
  let file: Uint8Array | undefined;
  let at = 0;
  for await (const piece of readFileParts(blocks, cid, options, (sizeBytes) => {
    file = new Uint8Array(sizeBytes);
  })) {
    file?.set(piece, at);
    at += piece.byteLength;
  }
  return file ?? new Uint8Array();
}

/** The file's bytes as they come, a chunk at a time. */
export async function* readFileParts(
  blocks: BlockReader,
  cid: Cid,
  options: ReadFileOptions,
  onSize?: (sizeBytes: number) => void,
): AsyncIterable<Uint8Array> {
  const get = options.signal ? { signal: options.signal } : {};
  const root = fileNode(cid, await blocks.get(cid, get));
  if (root.sizeBytes > options.sizeBytesMax) {
    throw new StorageError({ code: "FILE_TOO_LARGE", cid, sizeBytesMax: options.sizeBytesMax });
  }
  onSize?.(root.sizeBytes);

  async function* walk(node: UnixFsNode & { kind: "file" }, depth: number): AsyncIterable<Uint8Array> {
    if (depth > DEPTH_MAX) throw new StorageError({ code: "DAG_TOO_DEEP", cid, depthMax: DEPTH_MAX });
    if (node.inline.byteLength > 0) yield node.inline;
    for (const part of node.parts) {
      const below = fileNode(part.cid, await blocks.get(part.cid, get));
      if (below.sizeBytes !== part.sizeBytes) {
        throw malformed(cid, `part ${part.cid} has ${below.sizeBytes} bytes instead of ${part.sizeBytes}`);
      }
      yield* walk(below, depth + 1);
    }
  }
  yield* walk(root, 1);
}

function fileNode(cid: Cid, block: Uint8Array): UnixFsNode & { kind: "file" } {
  const node = decodeUnixFsNode(cid, block);
  if (node.kind !== "file") throw new StorageError({ code: "NOT_A_FILE", cid });
  return node;
}
