/**
 * Files and folders, out of blocks and onto the machine. Whoever made the blocks may be a stranger: no name
 * leaves the target, nothing that is there is touched, and it ends within limits.
 */
import { randomUUID } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { assertNever, type Cid } from "@pingo/core";
import { makeFolder } from "@pingo/core/system";
import type { BlockReader } from "../blocks.ts";
import { StorageError } from "../storage-error.ts";
import { checkName, createEntryCount, entryAt, onDisk } from "./folder-entry.ts";
import type { FolderOptions, FolderSurvey } from "./import-folder.ts";
import { DEPTH_MAX, decodeUnixFsNode, type UnixFsNode } from "./node.ts";
import { readFileParts } from "./read-file.ts";

export interface ExportProgress {
  readonly bytesDone: number;
  /** What the root block claims; for a picture of progress and nothing else. */
  readonly bytesTotal: number;
}

export interface ExportOptions extends FolderOptions {
  /** Of all files together. */
  readonly sizeBytesMax: number;
  readonly onProgress?: (progress: ExportProgress) => void;
}

/**
 * All or nothing: `target` appears once it is whole.
 *
 * @throws {StorageError} EXPORT_TARGET_EXISTS, NAME_REFUSED, FILE_TOO_LARGE, FOLDER_TOO_LARGE, DAG_…
 * @throws {DiskError} DISK_FULL, DISK_FAILED
 */
export async function exportFolder(
  blocks: BlockReader,
  cid: Cid,
  target: string,
  options: ExportOptions,
): Promise<FolderSurvey> {
  if (await entryAt(target)) throw new StorageError({ code: "EXPORT_TARGET_EXISTS", path: target });
  const beside = join(dirname(target), `.${randomUUID()}.partial`);
  const writer = new Writer(blocks, cid, options);
  try {
    const root = decodeUnixFsNode(cid, await blocks.get(cid, options));
    await makeFolder(dirname(target));
    await writer.write(cid, root, beside);
    await onDisk(target, () => rename(beside, target));
  } catch (error) {
    await rm(beside, { recursive: true, force: true });
    throw error;
  }
  return writer;
}

class Writer implements FolderSurvey {
  files = 0;
  sizeBytes = 0;
  readonly #blocks: BlockReader;
  readonly #options: ExportOptions;
  readonly #count: () => void;
  #bytesTotal: number | undefined;

  constructor(blocks: BlockReader, root: Cid, options: ExportOptions) {
    this.#blocks = blocks;
    this.#options = options;
    this.#count = createEntryCount(root, options.entriesMax);
  }

  async write(cid: Cid, node: UnixFsNode, path: string, depth = 1): Promise<void> {
    if (depth > DEPTH_MAX) throw new StorageError({ code: "DAG_TOO_DEEP", cid, depthMax: DEPTH_MAX });
    this.#count();
    this.#bytesTotal ??= claimedBytes(node);
    switch (node.kind) {
      case "file":
        return onDisk(path, () => this.#writeFile(cid, path));
      case "folder":
        await onDisk(path, () => mkdir(path));
        for (const entry of node.entries) {
          checkName(entry.name, cid);
          const inner = decodeUnixFsNode(entry.cid, await this.#blocks.get(entry.cid, this.#options));
          await this.write(entry.cid, inner, join(path, entry.name), depth + 1);
        }
        return;
      default:
        return assertNever(node, "kind of node");
    }
  }

  async #writeFile(cid: Cid, path: string): Promise<void> {
    const { sizeBytesMax, signal, onProgress } = this.#options;
    const limits = { sizeBytesMax: sizeBytesMax - this.sizeBytes, ...(signal ? { signal } : {}) };
    await using file = await open(path, "wx");
    this.files += 1;
    for await (const piece of readFileParts(this.#blocks, cid, limits)) {
      // Not write: on a disk that fills up it may write less and say so only in its answer.
      await file.writeFile(piece);
      this.sizeBytes += piece.byteLength;
      onProgress?.({ bytesDone: this.sizeBytes, bytesTotal: this.#bytesTotal ?? 0 });
    }
  }
}

function claimedBytes(node: UnixFsNode): number {
  if (node.kind === "file") return node.sizeBytes;
  return node.entries.reduce((sum, { dagBytes }) => sum + dagBytes, 0);
}
