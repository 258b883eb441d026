/**
 * A file or folder in blocks, known by its shape alone: its raw leaves stay where they are until somebody reads them. And
 * the other way round, a folder that is in memory, into blocks.
 */
import { type Cid, codecOfCid } from "@pingo/core";
import type { BlockReader, BlockWriter } from "../blocks.ts";
import { StorageError } from "../storage-error.ts";
import { checkName, createEntryCount } from "./folder-entry.ts";
import {
  DEPTH_MAX,
  decodeUnixFsNode,
  encodeFolderNode,
  type Link,
  malformed,
  type UnixFsNode,
} from "./node.ts";
import { type FileSource, writeFileSized } from "./write-file.ts";

export type StoredTree = StoredFile | StoredFolder;

export interface StoredFile {
  readonly kind: "file";
  readonly sizeBytes: number;
  /** In their order: a raw block, or bytes that a node holds itself. */
  readonly parts: readonly (
    | { readonly cid: Cid; readonly sizeBytes: number }
    | { readonly cid: null; readonly bytes: Uint8Array; readonly sizeBytes: number }
  )[];
}

export interface StoredFolder {
  readonly kind: "folder";
  readonly entries: ReadonlyMap<string, StoredTree>;
}

export interface TreeLimits {
  /** Of all files together. */
  readonly sizeBytesMax: number;
  readonly entriesMax: number;
  readonly partsMax: number;
  readonly signal?: AbortSignal;
}

/** @throws {StorageError} FILE_TOO_LARGE, FOLDER_TOO_LARGE, NAME_REFUSED, DAG_… */
export async function readTree(blocks: BlockReader, root: Cid, limits: TreeLimits): Promise<StoredTree> {
  return new TreeReader(blocks, root, limits).tree(root, 1);
}

class TreeReader {
  readonly #blocks: BlockReader;
  readonly #root: Cid;
  readonly #limits: TreeLimits;
  readonly #countEntry: () => void;
  readonly #countPart: () => void;
  #sizeBytes = 0;

  constructor(blocks: BlockReader, root: Cid, limits: TreeLimits) {
    this.#blocks = blocks;
    this.#root = root;
    this.#limits = limits;
    this.#countEntry = createEntryCount(root, limits.entriesMax);
    this.#countPart = createEntryCount(root, limits.partsMax);
  }

  async tree(cid: Cid, depth: number): Promise<StoredTree> {
    this.#checkDepth(depth);
    this.#countEntry();
    const node = await this.#node(cid);
    if (node.kind === "file") {
      // One that says less than it holds is seen when it is read.
      this.#sizeBytes += node.sizeBytes;
      const { sizeBytesMax } = this.#limits;
      if (this.#sizeBytes > sizeBytesMax)
        throw new StorageError({ code: "FILE_TOO_LARGE", cid: this.#root, sizeBytesMax });
      const parts: StoredFile["parts"][number][] = [];
      await this.#collect(cid, node, parts, depth);
      return { kind: "file", sizeBytes: node.sizeBytes, parts };
    }
    const entries = new Map<string, StoredTree>();
    for (const entry of node.entries) {
      checkName(entry.name, cid);
      entries.set(entry.name, await this.tree(entry.cid, depth + 1));
    }
    return { kind: "folder", entries };
  }

  async #collect(
    cid: Cid,
    node: UnixFsNode & { kind: "file" },
    parts: StoredFile["parts"][number][],
    depth: number,
  ): Promise<void> {
    this.#checkDepth(depth);
    const { inline } = node;
    if (inline.byteLength > 0) {
      this.#countPart();
      const isLeaf = codecOfCid(cid) === "raw";
      const sizeBytes = inline.byteLength;
      parts.push(isLeaf ? { cid, sizeBytes } : { cid: null, bytes: inline, sizeBytes });
    }
    for (const part of node.parts) {
      if (codecOfCid(part.cid) === "raw") {
        this.#countPart();
        parts.push({ cid: part.cid, sizeBytes: part.sizeBytes });
        continue;
      }
      const below = await this.#node(part.cid);
      if (below.kind !== "file" || below.sizeBytes !== part.sizeBytes)
        throw malformed(cid, `part ${part.cid} is not the ${part.sizeBytes} bytes that it is said to be`);
      await this.#collect(part.cid, below, parts, depth + 1);
    }
  }

  async #node(cid: Cid): Promise<UnixFsNode> {
    return decodeUnixFsNode(cid, await this.#blocks.get(cid, this.#limits));
  }

  #checkDepth(depth: number): void {
    if (depth > DEPTH_MAX)
      throw new StorageError({ code: "DAG_TOO_DEEP", cid: this.#root, depthMax: DEPTH_MAX });
  }
}

/** A folder of this process's memory; its links are to bytes, folders, or to what is in blocks already. */
export type MemoryTree = ReadonlyMap<string, MemoryEntry>;

export type MemoryEntry = FileSource | MemoryTree | StoredLink;

export interface StoredLink {
  readonly cid: Cid;
  readonly dagBytes: number;
}

/** Entries are ordered by name, so that equal folders have equal CIDs. */
export async function writeTree(blocks: BlockWriter, tree: MemoryTree): Promise<StoredLink> {
  const entries: Link[] = [];
  const byName = [...tree].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, entry] of byName) entries.push({ name, ...(await writeEntry(blocks, entry)) });
  const block = encodeFolderNode(entries);
  const cid = await blocks.put(block, "dagPb");
  return { cid, dagBytes: entries.reduce((sum, { dagBytes }) => sum + dagBytes, block.byteLength) };
}

async function writeEntry(blocks: BlockWriter, entry: MemoryEntry): Promise<StoredLink> {
  if ("cid" in entry) return entry;
  if (!(entry instanceof Uint8Array || Symbol.asyncIterator in entry)) return writeTree(blocks, entry);
  const { cid, dagBytes } = await writeFileSized(blocks, entry);
  return { cid, dagBytes };
}
