/** Results on their way, on disk: receipts in a database, the blocks of each update in a folder of its own. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import {
  type Disk,
  decodeCanonical,
  encodeCanonical,
  type LeaseId,
  parseLeaseId,
  parseShape,
  type Receipt,
  type Signed,
  zSignedReceipt,
} from "@pingo/core";
import type { Outbox } from "@pingo/lending";
import { createDiskBlocks } from "@pingo/storage";
import { removeUpdate } from "./worker/remove-update.ts";

export interface SqliteOutbox extends Outbox, Disposable {
  /** Blocks of the lease's update are in here until its result is acknowledged. */
  folderOf(lease: LeaseId): string;
  readonly folder: string;
}

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE IF NOT EXISTS results (
    lease TEXT PRIMARY KEY,
    receipt BLOB NOT NULL,
    position INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
`;

export function openOutbox(folder: string, disk: Disk): SqliteOutbox {
  const database = new DatabaseSync(join(folder, "outbox.sqlite"));
  database.exec(SCHEMA);
  const put = database.prepare(
    `INSERT INTO results (lease, receipt, position)
     VALUES (?, ?, (SELECT coalesce(max(position), 0) + 1 FROM results))
     ON CONFLICT (lease) DO UPDATE SET receipt = excluded.receipt`,
  );
  const waiting = database.prepare("SELECT receipt FROM results ORDER BY position LIMIT ?");
  const leases = database.prepare("SELECT lease FROM results ORDER BY position");
  const remove = database.prepare("DELETE FROM results WHERE lease = ?");
  const updates = join(folder, "updates");
  const folderOf = (lease: LeaseId): string => join(updates, lease);
  return {
    folder: updates,
    put: (receipt) => void put.run(receipt.body.lease, encodeCanonical(receipt)),
    waiting: (limit) => waiting.all(limit).map(({ receipt }) => readReceipt(receipt)),
    leases: () => leases.all().map(({ lease }) => parseLeaseId(String(lease))),
    updateOf: (lease) => createDiskBlocks({ folder: folderOf(lease), disk }),
    async remove(lease) {
      remove.run(lease);
      await removeUpdate(folderOf(lease), disk);
    },
    folderOf,
    [Symbol.dispose]: () => database.close(),
  };
}

function readReceipt(bytes: unknown): Signed<Receipt> {
  const value = bytes instanceof Uint8Array ? decodeCanonical(bytes) : bytes;
  return parseShape(zSignedReceipt, value, "a result in the outbox");
}
