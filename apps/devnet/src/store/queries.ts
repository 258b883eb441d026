/** What is asked of blocks, transactions and messages that are there. */
import type { ChainStore } from "./chain-store.ts";
import { blobOf } from "./chain-store.ts";

export interface BlockRow {
  readonly seqno: number;
  readonly unixS: number;
  readonly startLt: bigint;
  readonly endLt: bigint;
  readonly masterRoot: Buffer;
  readonly shardRoot: Buffer;
  readonly transactions: number;
}

export interface TransactionRow {
  readonly account: string;
  readonly lt: bigint;
  readonly hash: Buffer;
  readonly seqno: number;
  readonly trace: Buffer;
  readonly boc: Buffer;
}

type Row = Readonly<Record<string, unknown>>;
type Value = string | number | bigint | Buffer;

/** A condition of a query: SQL with one place for each value. */
export interface Condition {
  readonly sql: string;
  readonly values: readonly Value[];
}

export interface Page {
  readonly limit: number;
  readonly offset: number;
  readonly sort: "asc" | "desc";
}

export function blockBySeqno(store: ChainStore, seqno: number): BlockRow | undefined {
  return blockOf(store.statement("SELECT * FROM block WHERE seqno = ?").get(seqno));
}

/** The newest block that is not after. */
export function blockByTime(store: ChainStore, unixS: number): BlockRow | undefined {
  return blockOf(
    store
      .statement("SELECT * FROM block WHERE unix_s <= ? ORDER BY unix_s DESC, seqno DESC LIMIT 1")
      .get(unixS),
  );
}

/** The block whose transactions reach this logical time. */
export function blockByLt(store: ChainStore, lt: bigint): BlockRow | undefined {
  return blockOf(store.statement("SELECT * FROM block WHERE end_lt >= ? ORDER BY end_lt LIMIT 1").get(lt));
}

export function blocks(store: ChainStore, conditions: readonly Condition[], page: Page): readonly BlockRow[] {
  return select(store, "SELECT * FROM block", conditions, "seqno", page).flatMap((row) => blockOf(row) ?? []);
}

/** Of one account, newest first, from a logical time down to another. */
export function transactionsOf(
  store: ChainStore,
  account: string,
  range: { readonly fromLt: bigint | undefined; readonly toLt: bigint; readonly limit: number },
): readonly TransactionRow[] {
  const upTo = range.fromLt === undefined ? [] : [range.fromLt];
  return store
    .statement(
      `SELECT * FROM tx WHERE account = ? AND lt > ? ${upTo.length > 0 ? "AND lt <= ?" : ""} ORDER BY lt DESC LIMIT ?`,
    )
    .all(account, range.toLt, ...upTo, range.limit)
    .map(transactionOf);
}

export function transactionByHash(store: ChainStore, hash: Buffer): TransactionRow | undefined {
  const row = store.statement("SELECT * FROM tx WHERE hash = ?").get(hash);
  return row && transactionOf(row);
}

export function transactions(
  store: ChainStore,
  conditions: readonly Condition[],
  page: Page,
): readonly TransactionRow[] {
  return select(store, "SELECT * FROM tx", conditions, "lt", page).map(transactionOf);
}

/** Of one block and workchain, by account and logical time, after a place in that order. */
export function transactionsOfBlock(
  store: ChainStore,
  seqno: number,
  workchain: number,
  after: { readonly account: string; readonly lt: bigint } | undefined,
  limit: number,
): readonly TransactionRow[] {
  return store
    .statement(
      `SELECT * FROM tx WHERE seqno = ? AND account LIKE ? AND (account, lt) > (?, ?)
       ORDER BY account, lt LIMIT ?`,
    )
    .all(seqno, `${workchain}:%`, after?.account ?? "", after?.lt ?? 0n, limit)
    .map(transactionOf);
}

/** The transaction that read, or wrote, a message on this way at this logical time. */
export function transactionByMessage(
  store: ChainStore,
  direction: "in" | "out",
  way: { readonly source: string; readonly destination: string; readonly createdLt: bigint },
): TransactionRow | undefined {
  const row = store
    .statement(
      `SELECT tx.* FROM message JOIN tx ON tx.hash = message.tx_hash
       WHERE message.source = ? AND message.destination = ? AND message.created_lt = ? AND direction = ?`,
    )
    .get(way.source, way.destination, way.createdLt, direction);
  return row && transactionOf(row);
}

/** The other end of a message: who wrote what this one read, or read what it wrote. */
export function hashOfPartner(
  store: ChainStore,
  messageHash: Buffer,
  direction: "in" | "out",
): Buffer | undefined {
  const row = store
    .statement("SELECT tx_hash FROM message WHERE hash = ? AND direction = ?")
    .get(messageHash, direction);
  return row && blobOf(row["tx_hash"]);
}

export function isIn(column: string, values: readonly Value[]): Condition {
  return { sql: `${column} IN (${values.map(() => "?").join(", ")})`, values };
}

function select(
  store: ChainStore,
  from: string,
  conditions: readonly Condition[],
  orderBy: string,
  page: Page,
): readonly Row[] {
  const where =
    conditions.length === 0 ? "" : `WHERE ${conditions.map(({ sql }) => `(${sql})`).join(" AND ")}`;
  const order = `ORDER BY ${orderBy} ${page.sort === "asc" ? "ASC" : "DESC"}`;
  const values = conditions.flatMap((condition) => condition.values);
  return store
    .statement(`${from} ${where} ${order} LIMIT ? OFFSET ?`)
    .all(...values, page.limit, page.offset);
}

function blockOf(row: Row | undefined): BlockRow | undefined {
  if (row === undefined) return undefined;
  return {
    seqno: Number(row["seqno"]),
    unixS: Number(row["unix_s"]),
    startLt: BigInt(Number(row["start_lt"])),
    endLt: BigInt(Number(row["end_lt"])),
    masterRoot: blobOf(row["master_root"]),
    shardRoot: blobOf(row["shard_root"]),
    transactions: Number(row["transactions"]),
  };
}

function transactionOf(row: Row): TransactionRow {
  return {
    account: String(row["account"]),
    lt: BigInt(Number(row["lt"])),
    hash: blobOf(row["hash"]),
    seqno: Number(row["seqno"]),
    trace: blobOf(row["trace"]),
    boc: blobOf(row["boc"]),
  };
}
