/** Tables of the chain. Blocks, transactions and messages are only ever added; accounts hold the newest state. */
export const SCHEMA_VERSION = 1;

export const SCHEMA = `
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE block (
  seqno INTEGER PRIMARY KEY,
  unix_s INTEGER NOT NULL,
  start_lt INTEGER NOT NULL,
  end_lt INTEGER NOT NULL,
  master_root BLOB NOT NULL,
  shard_root BLOB NOT NULL,
  transactions INTEGER NOT NULL
) STRICT;
CREATE INDEX block_by_time ON block (unix_s);
CREATE INDEX block_by_lt ON block (end_lt);

CREATE TABLE tx (
  account TEXT NOT NULL,
  lt INTEGER NOT NULL,
  hash BLOB NOT NULL,
  seqno INTEGER NOT NULL,
  trace BLOB NOT NULL,
  boc BLOB NOT NULL,
  PRIMARY KEY (account, lt)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX tx_by_hash ON tx (hash);
CREATE INDEX tx_by_seqno ON tx (seqno, account, lt);
CREATE INDEX tx_by_lt ON tx (lt);
CREATE INDEX tx_by_trace ON tx (trace, lt);

CREATE TABLE message (
  hash BLOB NOT NULL,
  direction TEXT NOT NULL CHECK (direction IN ('in', 'out')),
  tx_hash BLOB NOT NULL,
  source TEXT,
  destination TEXT,
  created_lt INTEGER,
  opcode INTEGER,
  PRIMARY KEY (hash, direction, tx_hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_by_way ON message (source, destination, created_lt);
CREATE INDEX message_by_tx ON message (tx_hash);

CREATE TABLE account (
  address TEXT PRIMARY KEY,
  state BLOB NOT NULL,
  last_lt INTEGER NOT NULL,
  code_hash BLOB,
  code_lt INTEGER NOT NULL DEFAULT -1
) STRICT, WITHOUT ROWID;
CREATE INDEX account_by_code ON account (code_hash, last_lt);
CREATE INDEX account_unread ON account (address) WHERE code_lt < last_lt;

CREATE TABLE inbox (id INTEGER PRIMARY KEY AUTOINCREMENT, hash BLOB NOT NULL UNIQUE, boc BLOB NOT NULL) STRICT;
CREATE TABLE outbox (position INTEGER PRIMARY KEY, destination TEXT NOT NULL, trace BLOB NOT NULL, boc BLOB NOT NULL) STRICT;

CREATE TABLE code (hash BLOB PRIMARY KEY, kinds TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE token (
  address TEXT NOT NULL,
  kind TEXT NOT NULL,
  seen_lt INTEGER NOT NULL,
  owner TEXT,
  parent TEXT,
  item TEXT,
  amount TEXT,
  details TEXT NOT NULL,
  PRIMARY KEY (kind, address)
) STRICT, WITHOUT ROWID;
CREATE INDEX token_by_owner ON token (kind, owner);
CREATE INDEX token_by_parent ON token (kind, parent);
`;
