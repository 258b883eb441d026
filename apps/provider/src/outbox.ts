/**
 * Results on their way: kept on disk from the moment the work is done until the fog node's signature
 * says that it holds them. Sending one twice is harmless, losing one is not.
 */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import {
  decodeCanonical,
  encodeCanonical,
  type LeaseId,
  parseLeaseId,
  parseShape,
  type Receipt,
  type Signed,
  zSignedReceipt,
} from "@pingo/core";

export interface Outbox extends Disposable {
  /** Durable once it returns. A receipt for the same lease takes the earlier one's place. */
  put(receipt: Signed<Receipt>): void;
  /** Oldest first. */
  waiting(limit: number): readonly Signed<Receipt>[];
  leases(): readonly LeaseId[];
  /** Whether there was one. */
  remove(lease: LeaseId): boolean;
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

export function openOutbox(folder: string): Outbox {
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
  return {
    folder: updates,
    put: (receipt) => void put.run(receipt.body.lease, encodeCanonical(receipt)),
    waiting: (limit) => waiting.all(limit).map(({ receipt }) => readReceipt(receipt)),
    leases: () => leases.all().map(({ lease }) => parseLeaseId(String(lease))),
    remove: (lease) => remove.run(lease).changes > 0,
    folderOf: (lease) => join(updates, lease),
    [Symbol.dispose]: () => database.close(),
  };
}

function readReceipt(bytes: unknown): Signed<Receipt> {
  const value = bytes instanceof Uint8Array ? decodeCanonical(bytes) : bytes;
  return parseShape(zSignedReceipt, value, "a result in the outbox");
}
