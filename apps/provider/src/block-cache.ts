/**
 * Blocks fetched from the fog node, kept on disk up to a quota; the least recently used go first.
 *
 * A running lease holds what it touched since it began, so its blocks stay until it ends: the worker
 * reads them by path in another process.
 */
import { join } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { type BlockCodec, type Cid, type Disk, type Log, parseCid } from "@pingo/core";
import {
  type Blocks,
  createDiskBlocks,
  type DiskBlocks,
  type PutOptions,
  StorageError,
} from "@pingo/storage";

export interface BlockCache extends Blocks, Disposable {
  readonly folder: string;
  /** From now until disposed, nothing that is touched may go. */
  hold(): Disposable;
  usedBytes(): Promise<number>;
  /** The quota may have become less. */
  fit(): Promise<void>;
}

export interface BlockCacheOptions {
  readonly folder: string;
  readonly disk: Disk;
  /** The owner may change it at any time. */
  readonly quotaBytes: () => number;
  readonly log: Log;
}

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  CREATE TABLE IF NOT EXISTS uses (cid TEXT PRIMARY KEY, used INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS uses_by_age ON uses (used);
`;

export function openBlockCache(options: BlockCacheOptions): BlockCache {
  return new LruBlocks(options);
}

class LruBlocks implements BlockCache {
  readonly folder: string;
  readonly #blocks: DiskBlocks;
  readonly #quotaBytes: () => number;
  readonly #log: Log;
  readonly #database: DatabaseSync;
  readonly #touched: StatementSync;
  /** Counts touches; what was touched at or after the oldest hold stays. */
  #now: number;
  readonly #holds = new Set<number>();

  constructor({ folder, disk, quotaBytes, log }: BlockCacheOptions) {
    this.folder = join(folder, "blocks");
    this.#blocks = createDiskBlocks({ folder: this.folder, disk, quotaBytes, isCache: true });
    this.#quotaBytes = quotaBytes;
    this.#log = log;
    this.#database = new DatabaseSync(join(folder, "cache.sqlite"));
    this.#database.exec(SCHEMA);
    this.#touched = this.#database.prepare(
      "INSERT INTO uses (cid, used) VALUES (?, ?) ON CONFLICT (cid) DO UPDATE SET used = excluded.used",
    );
    this.#now = Number(
      this.#database.prepare("SELECT coalesce(max(used), 0) AS used FROM uses").get()?.["used"],
    );
  }

  hold(): Disposable {
    const since = ++this.#now;
    this.#holds.add(since);
    return { [Symbol.dispose]: () => void this.#holds.delete(since) };
  }

  async has(cid: Cid): Promise<boolean> {
    const isHere = await this.#blocks.has(cid);
    if (isHere) this.#touch(cid);
    return isHere;
  }

  async get(cid: Cid, options?: { readonly signal?: AbortSignal }): Promise<Uint8Array> {
    const bytes = await this.#blocks.get(cid, options);
    this.#touch(cid);
    return bytes;
  }

  async put(bytes: Uint8Array, codec?: BlockCodec, options?: PutOptions): Promise<Cid> {
    await this.#makeRoom(bytes.byteLength);
    const cid = await this.#blocks.put(bytes, codec, options);
    this.#touch(cid);
    return cid;
  }

  usedBytes(): Promise<number> {
    return this.#blocks.usedBytes();
  }

  async fit(): Promise<void> {
    try {
      await this.#makeRoom(0);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      this.#log.debug("blocks_held", { error: error.message }); // running leases hold them: the next block makes room
    }
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  #touch(cid: Cid): void {
    this.#touched.run(cid, ++this.#now);
  }

  /** Frees an eighth of the quota at a time, so that a full cache does not evict at every block. */
  async #makeRoom(bytes: number): Promise<void> {
    let usedBytes = await this.#blocks.usedBytes();
    const quotaBytes = this.#quotaBytes();
    if (usedBytes + bytes <= quotaBytes) return;
    const targetBytes = Math.max(0, quotaBytes - bytes - quotaBytes / 8);
    const oldestHold = Math.min(...this.#holds, Number.MAX_SAFE_INTEGER);
    const oldest = this.#database.prepare("SELECT cid FROM uses WHERE used < ? ORDER BY used LIMIT 64");
    const forget = this.#database.prepare("DELETE FROM uses WHERE cid = ?");
    while (usedBytes > targetBytes) {
      const cids = oldest.all(oldestHold).map(({ cid }) => parseCid(String(cid)));
      if (cids.length === 0) {
        this.#checkRoom(usedBytes, bytes);
        return;
      }
      for (const cid of cids) {
        if ((await this.#blocks.usedBytes()) <= targetBytes) break;
        await this.#blocks.delete(cid);
        forget.run(cid);
      }
      this.#log.debug("blocks_evicted", { count: cids.length });
      usedBytes = await this.#blocks.usedBytes();
    }
  }

  #checkRoom(usedBytes: number, neededBytes: number): void {
    const quotaBytes = this.#quotaBytes();
    if (usedBytes + neededBytes <= quotaBytes) return;
    throw new StorageError({
      code: "QUOTA_EXCEEDED",
      folder: this.folder,
      neededBytes,
      usedBytes,
      quotaBytes,
    });
  }
}
