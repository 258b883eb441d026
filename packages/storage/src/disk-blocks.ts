/**
 * Blocks on a disk: one file per block, in sub-folders by the end of the CID (its start is the same for all).
 *
 * The folder has one owner at a time (lock.ts). A block is whole or absent: the Disk port writes beside,
 * flushes and renames. What a killed writer left behind is removed when the folder is first measured.
 */
import { type BlockCodec, type Cid, cidOfBytes, type Disk, equalBytes, isBlockOf } from "@pingo/core";
import { type Blocks, checkBlockSize, type PutOptions } from "./blocks.ts";
import { StorageError } from "./storage-error.ts";

export interface DiskBlocksOptions {
  /** Absolute; made on the first write. */
  readonly folder: string;
  readonly disk: Disk;
  /** Hard: no write goes over it, also where it changes. */
  readonly quotaBytes?: number | (() => number);
  /** Blocks that can be had again from elsewhere are not flushed: one that a power cut tears is known by its CID. */
  readonly isCache?: boolean;
}

export interface DiskBlocks extends Blocks {
  /** Where the block is, or would be. */
  pathOf(cid: Cid): string;
  /** Whether there was one. */
  delete(cid: Cid): Promise<boolean>;
  usedBytes(): Promise<number>;
}

export function createDiskBlocks(options: DiskBlocksOptions): DiskBlocks {
  return new DiskStore(options);
}

class DiskStore implements DiskBlocks {
  readonly #folder: string;
  readonly #disk: Disk;
  readonly #quotaBytes: () => number;
  readonly #isFlushed: boolean;
  /** Changes to one block follow one another, so its size is counted once. */
  readonly #changeByCid = new Map<Cid, Promise<unknown>>();
  #measured: Promise<void> | undefined;
  /** Written and promised bytes; right once `#measured` is fulfilled. */
  #usedBytes = 0;

  constructor({ folder, disk, quotaBytes, isCache = false }: DiskBlocksOptions) {
    this.#folder = folder;
    this.#disk = disk;
    this.#quotaBytes =
      typeof quotaBytes === "function" ? quotaBytes : () => quotaBytes ?? Number.POSITIVE_INFINITY;
    this.#isFlushed = !isCache;
  }

  pathOf(cid: Cid): string {
    return `${this.#folder}/${cid.slice(-2)}/${cid}`;
  }

  async get(cid: Cid, options?: { readonly signal?: AbortSignal }): Promise<Uint8Array> {
    options?.signal?.throwIfAborted();
    const path = this.pathOf(cid);
    const bytes = await this.#disk.read(path);
    if (bytes === undefined) throw new StorageError({ code: "BLOCK_NOT_FOUND", cid, where: this.#folder });
    if (isBlockOf(cid, bytes)) return bytes;
    await this.#removeIfCorrupt(cid);
    throw new StorageError({ code: "BLOCK_CORRUPT", cid, path });
  }

  async has(cid: Cid): Promise<boolean> {
    return (await this.#disk.sizeBytes(this.pathOf(cid))) !== undefined;
  }

  async put(bytes: Uint8Array, codec: BlockCodec = "raw", options?: PutOptions): Promise<Cid> {
    checkBlockSize(bytes);
    options?.signal?.throwIfAborted();
    const cid = options?.cid ?? cidOfBytes(bytes, codec);
    await this.#measure();
    await this.#change(cid, () => this.#write(cid, bytes));
    return cid;
  }

  async delete(cid: Cid): Promise<boolean> {
    await this.#measure();
    return this.#change(cid, () => this.#remove(cid));
  }

  async usedBytes(): Promise<number> {
    await this.#measure();
    return this.#usedBytes;
  }

  async #removeIfCorrupt(cid: Cid): Promise<void> {
    await this.#measure();
    await this.#change(cid, async () => {
      // Read again: a writer may have mended it meanwhile.
      const bytes = await this.#disk.read(this.pathOf(cid));
      if (bytes !== undefined && !isBlockOf(cid, bytes)) await this.#remove(cid);
    });
  }

  async #remove(cid: Cid): Promise<boolean> {
    const sizeBytes = await this.#disk.sizeBytes(this.pathOf(cid));
    if (sizeBytes === undefined) return false;
    await this.#disk.remove(this.pathOf(cid));
    this.#usedBytes -= sizeBytes;
    return true;
  }

  async #write(cid: Cid, bytes: Uint8Array): Promise<void> {
    const path = this.pathOf(cid);
    const before = await this.#disk.read(path);
    // Compared, not assumed: a block that was altered on the disk is mended by storing it again.
    if (before !== undefined && equalBytes(before, bytes)) return;
    const growthBytes = bytes.byteLength - (before?.byteLength ?? 0);
    const quotaBytes = this.#quotaBytes();
    if (this.#usedBytes + growthBytes > quotaBytes) {
      throw new StorageError({
        code: "QUOTA_EXCEEDED",
        folder: this.#folder,
        neededBytes: growthBytes,
        usedBytes: this.#usedBytes,
        quotaBytes,
      });
    }
    // Promised before it is written, so that writes side by side cannot pass the quota together.
    this.#usedBytes += growthBytes;
    try {
      await this.#disk.write(path, bytes, { isFlushed: this.#isFlushed });
    } catch (error) {
      this.#usedBytes -= growthBytes;
      throw error;
    }
  }

  async #change<T>(cid: Cid, change: () => Promise<T>): Promise<T> {
    const before = this.#changeByCid.get(cid);
    // Whoever asked for the change before this one hears of its failure; this one only waits for its end.
    const changed = before === undefined ? change() : before.then(change, change);
    this.#changeByCid.set(cid, changed);
    try {
      return await changed;
    } finally {
      if (this.#changeByCid.get(cid) === changed) this.#changeByCid.delete(cid);
    }
  }

  #measure(): Promise<void> {
    this.#measured ??= this.#scan().catch((error: unknown) => {
      this.#measured = undefined;
      throw error;
    });
    return this.#measured;
  }

  async #scan(): Promise<void> {
    let usedBytes = 0;
    for (const part of await this.#disk.list(this.#folder)) {
      for (const name of await this.#disk.list(`${this.#folder}/${part}`)) {
        const path = `${this.#folder}/${part}/${name}`;
        if (name.endsWith(".tmp")) await this.#disk.remove(path);
        else usedBytes += (await this.#disk.sizeBytes(path)) ?? 0;
      }
    }
    this.#usedBytes = usedBytes;
  }
}
