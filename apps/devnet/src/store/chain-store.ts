/**
 * The chain on disk: one SQLite file, of which a block is one transaction.
 *
 * Flushed at every commit (WAL, synchronous=FULL): what was acknowledged is there after kill -9 and after a power cut.
 */
import { copyFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { makeFolder } from "@pingo/core/system";
import { Cell } from "@ton/core";
import type { ExternalMessage, Head, InternalMessage, NewBlock } from "../chain/shapes.ts";
import { DevnetError } from "../fault.ts";
import { SCHEMA, SCHEMA_VERSION } from "./schema.ts";

const FILE = "chain.sqlite";

/** What of the chain is kept beside its blocks. */
export type MetaName = "faucetSeed" | "travelledS";

export class ChainStore implements Disposable {
  readonly database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(database: DatabaseSync) {
    this.database = database;
  }

  /** The same text is prepared once. */
  statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known) return known;
    const prepared = this.database.prepare(sql);
    this.#statements.set(sql, prepared);
    return prepared;
  }

  /** All or nothing. */
  transaction<T>(change: () => T): T {
    this.database.exec("BEGIN IMMEDIATE");
    try {
      const result = change();
      this.database.exec("COMMIT");
      return result;
    } catch (error) {
      this.database.exec("ROLLBACK");
      throw error;
    }
  }

  /** Undefined before the first block. */
  head(): Head | undefined {
    const row = this.statement("SELECT * FROM block ORDER BY seqno DESC LIMIT 1").get();
    if (row === undefined) return undefined;
    return {
      seqno: Number(row["seqno"]),
      unixS: Number(row["unix_s"]),
      endLt: BigInt(Number(row["end_lt"])),
      masterRoot: blobOf(row["master_root"]),
      shardRoot: blobOf(row["shard_root"]),
    };
  }

  meta(name: MetaName): Buffer | undefined {
    const row = this.statement("SELECT value FROM meta WHERE name = ?").get(name);
    return row === undefined ? undefined : blobOf(row["value"]);
  }

  setMeta(name: MetaName, value: Buffer): void {
    this.statement("INSERT OR REPLACE INTO meta VALUES (?, ?)").run(name, value);
  }

  /** BoC of its ShardAccount. */
  account(address: string): Buffer | undefined {
    const row = this.statement("SELECT state FROM account WHERE address = ?").get(address);
    return row === undefined ? undefined : blobOf(row["state"]);
  }

  /** Durable when it returns. The id of the one that waits already when it is the same message. */
  addToInbox(hash: Buffer, boc: Buffer): { readonly id: number; readonly isNew: boolean } {
    const before = this.statement("SELECT id FROM inbox WHERE hash = ?").get(hash);
    if (before !== undefined) return { id: Number(before["id"]), isNew: false };
    const { lastInsertRowid } = this.statement("INSERT INTO inbox (hash, boc) VALUES (?, ?)").run(hash, boc);
    return { id: Number(lastInsertRowid), isNew: true };
  }

  inbox(read: (boc: Cell) => string): readonly ExternalMessage[] {
    return this.statement("SELECT id, boc FROM inbox ORDER BY id")
      .all()
      .map((row) => {
        const cell = cellOf(row["boc"]);
        return { id: Number(row["id"]), cell, destination: read(cell) };
      });
  }

  outbox(): readonly InternalMessage[] {
    return this.statement("SELECT * FROM outbox ORDER BY position")
      .all()
      .map((row) => ({
        cell: cellOf(row["boc"]),
        destination: String(row["destination"]),
        trace: blobOf(row["trace"]),
      }));
  }

  /** The whole block, or nothing of it. */
  addBlock(block: NewBlock): void {
    this.transaction(() => {
      const { head, startLt, transactions } = block;
      this.statement("INSERT INTO block VALUES (?, ?, ?, ?, ?, ?, ?)").run(
        head.seqno,
        head.unixS,
        startLt,
        head.endLt,
        head.masterRoot,
        head.shardRoot,
        transactions.length,
      );
      for (const { account, lt, hash, trace, boc, messages } of transactions) {
        this.statement("INSERT INTO tx VALUES (?, ?, ?, ?, ?, ?)").run(
          account,
          lt,
          hash,
          head.seqno,
          trace,
          boc,
        );
        for (const m of messages) {
          this.statement("INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?)").run(
            m.hash,
            m.direction,
            hash,
            m.source,
            m.destination,
            m.createdLt,
            m.opcode,
          );
        }
      }
      const ltByAccount = new Map(transactions.map(({ account, lt }) => [account, lt]));
      for (const [address, state] of block.accounts) {
        this.statement(
          `INSERT INTO account (address, state, last_lt) VALUES (?, ?, ?)
           ON CONFLICT (address) DO UPDATE SET state = excluded.state, last_lt = excluded.last_lt`,
        ).run(address, state, ltByAccount.get(address) ?? 0n);
      }
      for (const id of block.settled) this.statement("DELETE FROM inbox WHERE id = ?").run(id);
      this.statement("DELETE FROM outbox").run();
      block.outbox.forEach(({ cell, destination, trace }, position) => {
        this.statement("INSERT INTO outbox VALUES (?, ?, ?, ?)").run(
          position,
          destination,
          trace,
          cell.toBoc(),
        );
      });
    });
  }

  /** A consistent copy in a file of its own. @throws {DevnetError} SNAPSHOT_EXISTS */
  async writeSnapshot(path: string): Promise<void> {
    if (await isFile(path)) throw new DevnetError({ code: "SNAPSHOT_EXISTS", path });
    try {
      this.statement("VACUUM INTO ?").run(path);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new DevnetError({ code: "SNAPSHOT_NOT_WRITTEN", path, why }, { cause });
    }
  }

  [Symbol.dispose](): void {
    this.database.close();
  }
}

/** @throws {DevnetError} SNAPSHOT_UNUSED, SNAPSHOT_UNREADABLE, CHAIN_NEWER */
export async function openChainStore(folder: string, snapshotPath: string | undefined): Promise<ChainStore> {
  await makeFolder(folder);
  const path = join(folder, FILE);
  if (snapshotPath !== undefined) await restore(path, folder, snapshotPath);
  const database = new DatabaseSync(path);
  try {
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -32768");
    const found = Number(database.prepare("PRAGMA user_version").get()?.["user_version"]);
    if (found > SCHEMA_VERSION) throw new DevnetError({ code: "CHAIN_NEWER", found, known: SCHEMA_VERSION });
    if (found === 0) {
      database.exec(`BEGIN; ${SCHEMA}; PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`);
    }
    return new ChainStore(database);
  } catch (error) {
    database.close();
    throw error;
  }
}

async function restore(path: string, folder: string, snapshotPath: string): Promise<void> {
  if (await isFile(path)) throw new DevnetError({ code: "SNAPSHOT_UNUSED", folder });
  try {
    assertIsChain(snapshotPath);
    await copyFile(snapshotPath, path);
  } catch (cause) {
    if (cause instanceof DevnetError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new DevnetError({ code: "SNAPSHOT_UNREADABLE", path: snapshotPath, why }, { cause });
  }
}

function assertIsChain(path: string): void {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    database.prepare("SELECT seqno FROM block LIMIT 1").get();
  } finally {
    database.close();
  }
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: unknown) => {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return false;
      throw error;
    },
  );
}

export function blobOf(value: unknown): Buffer {
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  throw new TypeError("the column holds no bytes");
}

function cellOf(value: unknown): Cell {
  const [cell] = Cell.fromBoc(blobOf(value));
  if (cell === undefined) throw new TypeError("the column holds no cell");
  return cell;
}
