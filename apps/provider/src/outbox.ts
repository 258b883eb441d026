/** Results on their way, on disk: what was signed in a database, the blocks of each update in a folder of its own. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import {
  cidOfValue,
  type Disk,
  decodeCanonical,
  encodeCanonical,
  equalBytes,
  type FinishedResult,
  type LeaseId,
  parseLeaseId,
  parseShape,
  type Receipt,
  slotOf,
  zFinishedResult,
} from "@pingo/core";
import { LendingError, type Outbox, SLOTS_KEPT } from "@pingo/lending";
import { type Blocks, createDiskBlocks } from "@pingo/storage";
import { removeUpdate } from "./worker/remove-update.ts";

export interface SqliteOutbox extends Outbox, Disposable {
  /** Blocks of the lease's update are in here until its result is acknowledged. */
  folderOf(lease: LeaseId): string;
  updateOf(lease: LeaseId): Blocks;
  readonly folder: string;
}

/** `slots_forgotten` has one row: when the newest lease was issued whose slot is remembered no more. */
const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE IF NOT EXISTS finished (
    lease TEXT PRIMARY KEY,
    result BLOB NOT NULL,
    position INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS slots (
    slot BLOB PRIMARY KEY,
    commitment BLOB NOT NULL,
    issued_unix_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS slots_by_age ON slots (issued_unix_ms);
  CREATE TABLE IF NOT EXISTS slots_forgotten (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    issued_unix_ms INTEGER NOT NULL
  ) STRICT;
`;

export function openOutbox(folder: string, disk: Disk, slotsKept = SLOTS_KEPT): SqliteOutbox {
  const database = new DatabaseSync(join(folder, "outbox.sqlite"));
  database.exec(SCHEMA);
  const put = database.prepare(
    `INSERT INTO finished (lease, result, position)
     VALUES (?, ?, (SELECT coalesce(max(position), 0) + 1 FROM finished))
     ON CONFLICT (lease) DO UPDATE SET result = excluded.result`,
  );
  const waiting = database.prepare("SELECT result FROM finished ORDER BY position LIMIT ?");
  const leases = database.prepare("SELECT lease FROM finished ORDER BY position");
  const remove = database.prepare("DELETE FROM finished WHERE lease = ?");
  const slots = openSlots(database, slotsKept);
  const updates = join(folder, "updates");
  const folderOf = (lease: LeaseId): string => join(updates, lease);
  return {
    folder: updates,
    put(result) {
      const { receipt, statement } = result;
      // Both or neither, and the signature leaves only after.
      database.exec("BEGIN IMMEDIATE");
      try {
        if (statement !== null) slots.sign(receipt.body, statement.commitment);
        put.run(receipt.body.lease, encodeCanonical(result));
        database.exec("COMMIT");
      } catch (error) {
        // SQLite has gone back by itself where its disk is full.
        if (database.isTransaction) database.exec("ROLLBACK");
        throw error;
      }
    },
    assertUnsigned: ({ id, unit, issuedAtUnixMs }) =>
      slots.assertUnsigned({ lease: id, unit: cidOfValue(unit), issuedAtUnixMs }),
    waiting: (limit) => waiting.all(limit).map(({ result }) => readResult(result)),
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

type Asked = Pick<Receipt, "lease" | "unit" | "issuedAtUnixMs">;

function openSlots(database: DatabaseSync, slotsKept: number) {
  const find = database.prepare("SELECT commitment FROM slots WHERE slot = ?");
  const add = database.prepare("INSERT INTO slots (slot, commitment, issued_unix_ms) VALUES (?, ?, ?)");
  const floor = database.prepare("SELECT issued_unix_ms FROM slots_forgotten");
  const oldest = database.prepare(
    `SELECT slot, issued_unix_ms FROM slots ORDER BY issued_unix_ms
     LIMIT max(0, (SELECT count(*) FROM slots) - ?)`,
  );
  const drop = database.prepare("DELETE FROM slots WHERE slot = ?");
  const raise = database.prepare(
    `INSERT INTO slots_forgotten (id, issued_unix_ms) VALUES (1, ?)
     ON CONFLICT (id) DO UPDATE SET issued_unix_ms = max(issued_unix_ms, excluded.issued_unix_ms)`,
  );
  const signedIn = (slot: Uint8Array): Uint8Array | undefined => {
    const commitment = find.get(slot)?.["commitment"];
    return commitment instanceof Uint8Array ? commitment : undefined;
  };
  const assertRemembered = ({ lease, issuedAtUnixMs }: Asked): void => {
    const forgottenUnixMs = floor.get()?.["issued_unix_ms"];
    if (typeof forgottenUnixMs === "number" && issuedAtUnixMs <= forgottenUnixMs)
      throw new LendingError({ code: "LEASE_OLD", lease });
  };
  return {
    sign(asked: Asked, commitment: Uint8Array): void {
      const slot = slotOf(asked);
      const before = signedIn(slot);
      if (before !== undefined) {
        if (equalBytes(before, commitment)) return;
        throw new LendingError({ code: "SLOT_SIGNED", lease: asked.lease });
      }
      assertRemembered(asked);
      add.run(slot, commitment, asked.issuedAtUnixMs);
      for (const { slot: old, issued_unix_ms: issuedUnixMs } of oldest.all(slotsKept)) {
        raise.run(Number(issuedUnixMs));
        if (old instanceof Uint8Array) drop.run(old);
      }
    },
    assertUnsigned(asked: Asked): void {
      if (signedIn(slotOf(asked)) !== undefined)
        throw new LendingError({ code: "SLOT_SIGNED", lease: asked.lease });
      assertRemembered(asked);
    },
  };
}

function readResult(bytes: unknown): FinishedResult {
  const value = bytes instanceof Uint8Array ? decodeCanonical(bytes) : bytes;
  return parseShape(zFinishedResult, value, "a result in the outbox");
}
