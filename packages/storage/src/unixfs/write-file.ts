/**
 * Files as blocks: chunks of 1 MiB as raw leaves under a balanced tree, so equal bytes have equal CIDs
 * here and in IPFS.
 *
 * SOURCE: https://specs.ipfs.tech/unixfs/ (balanced layout, raw leaves, CIDv1)
 */
import { assert, type Cid, LIMITS } from "@pingo/core";
import type { BlockWriter } from "../blocks.ts";
import { encodeFileNode, type FilePart, LINKS_MAX } from "./node.ts";

/** Leaves on their way to the store at once; hides the flush of a disk, bounds the memory. */
const WRITES_AT_ONCE = 8;

export interface WriteFileOptions {
  /** Other sizes give other CIDs. */
  readonly chunkBytes?: number;
  readonly linksMax?: number;
  readonly signal?: AbortSignal;
}

export interface WrittenFile {
  readonly cid: Cid;
  readonly sizeBytes: number;
  /** All its blocks together. */
  readonly dagBytes: number;
}

export type FileSource = Uint8Array | AsyncIterable<Uint8Array>;

export async function writeFile(
  blocks: BlockWriter,
  source: FileSource,
  options?: WriteFileOptions,
): Promise<Cid> {
  return (await writeFileSized(blocks, source, options)).cid;
}

export async function writeFileSized(
  blocks: BlockWriter,
  source: FileSource,
  options: WriteFileOptions = {},
): Promise<WrittenFile> {
  const { chunkBytes = LIMITS.chunkBytesMax, linksMax = LINKS_MAX, signal } = options;
  assert(chunkBytes >= 1 && chunkBytes <= LIMITS.blockBytesMax, `chunks of ${chunkBytes} bytes`);
  const put = signal ? { signal } : {};
  const tree = new BalancedTree(blocks, linksMax, put);
  const writeLeaf = async (bytes: Uint8Array): Promise<FilePart> => {
    const cid = await blocks.put(bytes, "raw", put);
    return { cid, name: "", dagBytes: bytes.byteLength, sizeBytes: bytes.byteLength };
  };
  let waiting: Uint8Array[] = [];
  const flush = async (): Promise<void> => {
    const leaves = await Promise.all(waiting.map(writeLeaf));
    waiting = [];
    for (const leaf of leaves) await tree.add(0, leaf);
  };
  for await (const chunk of cut(source, chunkBytes)) {
    waiting.push(chunk);
    if (waiting.length === WRITES_AT_ONCE) await flush();
  }
  await flush();
  return (await tree.close()) ?? (await writeLeaf(new Uint8Array()));
}

/** Holds the unfinished right edge of the tree, one list per level. */
class BalancedTree {
  readonly #levels: FilePart[][] = [];
  readonly #blocks: BlockWriter;
  readonly #linksMax: number;
  readonly #put: { readonly signal?: AbortSignal };

  constructor(blocks: BlockWriter, linksMax: number, put: { readonly signal?: AbortSignal }) {
    this.#blocks = blocks;
    this.#linksMax = linksMax;
    this.#put = put;
  }

  async add(height: number, part: FilePart): Promise<void> {
    const level = this.#levels[height] ?? [];
    this.#levels[height] = level;
    // A full level waits for its successor: a file of exactly linksMax parts needs no second node.
    if (level.length === this.#linksMax) await this.#lift(height);
    this.#levels[height]?.push(part);
  }

  /** The root; undefined when nothing was added. */
  async close(): Promise<FilePart | undefined> {
    for (let height = 0; height < this.#levels.length; height++) {
      const level = this.#levels[height] ?? [];
      const isTop = height === this.#levels.length - 1;
      if (isTop && level.length === 1) return level[0];
      if (level.length > 0) await this.#lift(height);
    }
    return undefined;
  }

  async #lift(height: number): Promise<void> {
    const parts = this.#levels[height] ?? [];
    this.#levels[height] = [];
    const block = encodeFileNode(parts);
    const cid = await this.#blocks.put(block, "dagPb", this.#put);
    await this.add(height + 1, {
      cid,
      name: "",
      sizeBytes: parts.reduce((sum, part) => sum + part.sizeBytes, 0),
      dagBytes: parts.reduce((sum, part) => sum + part.dagBytes, block.byteLength),
    });
  }
}

/** Pieces of exactly `chunkBytes`, but for the last; none of no bytes. */
async function* cut(source: FileSource, chunkBytes: number): AsyncIterable<Uint8Array> {
  if (source instanceof Uint8Array) {
    for (let at = 0; at < source.byteLength; at += chunkBytes) yield source.subarray(at, at + chunkBytes);
    return;
  }
  let chunk = new Uint8Array(chunkBytes);
  let filled = 0;
  for await (const piece of source) {
    for (let at = 0; at < piece.byteLength; ) {
      const taken = piece.subarray(at, at + chunkBytes - filled);
      chunk.set(taken, filled);
      filled += taken.byteLength;
      at += taken.byteLength;
      if (filled < chunkBytes) continue;
      yield chunk;
      chunk = new Uint8Array(chunkBytes);
      filled = 0;
    }
  }
  if (filled > 0) yield chunk.subarray(0, filled);
}
