/** The tables, as Drizzle types them; migrations/*.sql makes them, and a test compares the two. */
import type {
  Cid,
  JobEvent,
  JobState,
  LeaseId,
  NodeId,
  Offer,
  Pool,
  RegistryRef,
  WorkKind,
} from "@pingo/core";
import {
  bigint,
  boolean,
  customType,
  doublePrecision,
  integer,
  jsonb,
  type PgDatabase,
  type PgQueryResultHKT,
  pgTable,
  primaryKey,
  text,
} from "drizzle-orm/pg-core";

/** PGlite's or PostgreSQL's, or a transaction of either. */
export type Sql = PgDatabase<PgQueryResultHKT>;

const bytes = customType<{ data: Uint8Array; driverData: Uint8Array }>({
  dataType: () => "bytea",
  // A Buffer view would keep pg's whole network buffer alive, and is not what zod calls a Uint8Array alone.
  fromDriver: (stored) => new Uint8Array(stored),
});
const count = (name: string) => bigint(name, { mode: "number" });
const nano = (name: string) => bigint(name, { mode: "bigint" });

export const jobs = pgTable("jobs", {
  id: text().$type<Cid>().primaryKey(),
  ordinal: count("ordinal").generatedAlwaysAsIdentity(),
  owner: text().$type<NodeId>().notNull(),
  kind: text().$type<WorkKind>().notNull().default("Train"),
  name: text().notNull(),
  envelope: bytes().notNull(),
  state: text().$type<JobState>().notNull(),
  reason: text(),
  program: text().$type<Cid>().notNull(),
  evaluationProgram: text("evaluation_program").$type<Cid>(),
  rounds: integer().notNull(),
  round: integer().notNull().default(0),
  steps: count("steps").notNull().default(0),
  rows: count("rows").notNull().default(0),
  loss: doublePrecision(),
  evaluatedRound: integer("evaluated_round"),
  evaluatedLoss: doublePrecision("evaluated_loss"),
  evaluatedAccuracy: doublePrecision("evaluated_accuracy"),
  bytesUp: count("bytes_up").notNull().default(0),
  bytesDown: count("bytes_down").notNull().default(0),
  trainingBeganUnixMs: count("training_began_unix_ms"),
  trainingMs: count("training_ms").notNull().default(0),
  createdUnixMs: count("created_unix_ms").notNull(),
  finishedUnixMs: count("finished_unix_ms"),
  resultModel: text("result_model").$type<Cid>(),
  resultMetrics: text("result_metrics").$type<Cid>(),
  resultProvenance: text("result_provenance").$type<Cid>(),
  resultAdapters: text("result_adapters").$type<Cid>(),
  resultRawModel: text("result_raw_model").$type<Cid>(),
  resultPieces: text("result_pieces").$type<Cid>(),
  budgetNano: nano("budget_nano"),
});

export const rounds = pgTable(
  "rounds",
  {
    job: text().$type<Cid>().notNull(),
    version: integer().notNull(),
    weights: text().$type<Cid>().notNull(),
    momentum: text().$type<Cid>(),
    units: integer().notNull(),
    steps: count("steps").notNull(),
    rows: count("rows").notNull(),
    loss: doublePrecision(),
    evaluatedLoss: doublePrecision("evaluated_loss"),
    evaluatedAccuracy: doublePrecision("evaluated_accuracy"),
    committedUnixMs: count("committed_unix_ms").notNull(),
    average: text().$type<Cid>(),
    rawLoss: doublePrecision("raw_loss"),
    rawAccuracy: doublePrecision("raw_accuracy"),
  },
  (table) => [primaryKey({ columns: [table.job, table.version] })],
);

export const units = pgTable(
  "units",
  {
    job: text().$type<Cid>().notNull(),
    round: integer().notNull(),
    index: integer().notNull(),
    unit: bytes().notNull(),
  },
  (table) => [primaryKey({ columns: [table.job, table.round, table.index] })],
);

export const leases = pgTable("leases", {
  id: text().$type<LeaseId>().primaryKey(),
  job: text().$type<Cid>().notNull(),
  round: integer().notNull(),
  index: integer().notNull(),
  attempt: integer().notNull(),
  provider: text().$type<NodeId>().notNull(),
  state: text().$type<"live" | "delivered" | "lost" | "faulted" | "released">().notNull(),
  issuedUnixMs: count("issued_unix_ms").notNull(),
  registry: jsonb().$type<RegistryRef>(),
});

export const results = pgTable("results", {
  lease: text().$type<LeaseId>().primaryKey(),
  job: text().$type<Cid>().notNull(),
  round: integer().notNull(),
  index: integer().notNull(),
  provider: text().$type<NodeId>().notNull(),
  receipt: bytes().notNull(),
  receiptCid: text("receipt_cid").$type<Cid>().notNull(),
  update: text("update_cid").$type<Cid>().notNull(),
  counted: boolean().notNull(),
  steps: integer().notNull(),
  rows: count("rows").notNull(),
  loss: doublePrecision().notNull(),
  receivedUnixMs: count("received_unix_ms").notNull(),
  draw: doublePrecision(),
});

export const statements = pgTable(
  "statements",
  {
    lease: text().$type<LeaseId>().notNull(),
    commitment: bytes().notNull(),
    receiptCid: text("receipt_cid").$type<Cid>().notNull(),
    statement: bytes().notNull(),
    receivedUnixMs: count("received_unix_ms").notNull(),
  },
  (table) => [primaryKey({ columns: [table.lease, table.commitment] })],
);

export const refutations = pgTable("refutations", {
  lease: text().$type<LeaseId>().primaryKey(),
  deviation: doublePrecision().notNull(),
  atUnixMs: count("at_unix_ms").notNull(),
  verdict: bytes(),
});

export const events = pgTable(
  "events",
  {
    job: text().$type<Cid>().notNull(),
    sequence: integer().notNull(),
    atUnixMs: count("at_unix_ms").notNull(),
    event: jsonb().$type<JobEvent>().notNull(),
  },
  (table) => [primaryKey({ columns: [table.job, table.sequence] })],
);

export const providers = pgTable("providers", {
  id: text().$type<NodeId>().primaryKey(),
  offer: jsonb().$type<Offer>().notNull(),
  lastSeenUnixMs: count("last_seen_unix_ms").notNull(),
  unitsCounted: count("units_counted").notNull().default(0),
});

/** Written by `post_transfer` alone. */
export const accounts = pgTable("accounts", {
  id: text().primaryKey(),
  balanceNano: nano("balance_nano").notNull().default(0n),
});

export const transfers = pgTable("transfers", {
  id: count("id").generatedAlwaysAsIdentity().primaryKey(),
  key: text().notNull().unique(),
  kind: text().notNull(),
  job: text().$type<Cid>(),
  atUnixMs: count("at_unix_ms").notNull(),
});

export const entries = pgTable(
  "entries",
  {
    transfer: count("transfer").notNull(),
    account: text().notNull(),
    amountNano: nano("amount_nano").notNull(),
  },
  (table) => [primaryKey({ columns: [table.transfer, table.account] })],
);

export const wallets = pgTable("wallets", {
  node: text().$type<NodeId>().primaryKey(),
  address: text().notNull(),
  link: bytes().notNull(),
  statedUnixMs: count("stated_unix_ms").notNull(),
});

export const certificates = pgTable("certificates", {
  address: text().primaryKey(),
  validUntilUnixS: count("valid_until_unix_s").notNull(),
  checkedUnixMs: count("checked_unix_ms").notNull(),
  issuedUnixMs: count("issued_unix_ms"),
});

export const stakes = pgTable("stakes", {
  node: text().$type<NodeId>().primaryKey(),
  isValid: boolean("is_valid").notNull(),
  checkedUnixMs: count("checked_unix_ms").notNull(),
});

export const verifications = pgTable("verifications", {
  lease: text().$type<LeaseId>().primaryKey(),
  node: text().$type<NodeId>().notNull(),
  address: text().notNull(),
  verdict: text().$type<"same" | "other" | "failed">().notNull(),
  deviation: doublePrecision(),
  atUnixMs: count("at_unix_ms").notNull(),
});

export const audits = pgTable("audits", {
  lease: text().$type<LeaseId>().primaryKey(),
  node: text().$type<NodeId>().notNull(),
  verdict: text().$type<"same" | "other" | "failed">().notNull(),
  atUnixMs: count("at_unix_ms").notNull(),
});

export const escrows = pgTable("escrows", {
  job: text().$type<Cid>().primaryKey(),
  address: text().notNull().unique(),
  userAddress: text("user_address").notNull(),
  deadlineUnixS: count("deadline_unix_s").notNull(),
  state: text().$type<"awaited" | "funded" | "billed" | "disputed" | "closed" | "abandoned">().notNull(),
  createdUnixMs: count("created_unix_ms").notNull(),
  bill: text().$type<Cid>(),
  billNano: nano("bill_nano"),
  billEvidence: bytes("bill_evidence"),
  billSentUntilUnixS: count("bill_sent_until_unix_s"),
});

export const payouts = pgTable("payouts", {
  id: count("id").generatedAlwaysAsIdentity().primaryKey(),
  node: text().$type<NodeId>().notNull(),
  address: text().notNull(),
  amountNano: nano("amount_nano").notNull(),
  sentUntilUnixS: count("sent_until_unix_s"),
  seenLt: nano("seen_lt"),
  endLt: nano("end_lt"),
  returnedUnixS: count("returned_unix_s"),
  job: text().$type<Cid>(),
});

export const epochs = pgTable("epochs", {
  epoch: integer().primaryKey(),
  document: text().$type<Cid>().notNull(),
  closedUnixMs: count("closed_unix_ms").notNull(),
});

export const epochJobs = pgTable("epoch_jobs", {
  job: text().$type<Cid>().primaryKey(),
  epoch: integer().notNull(),
});

export const epochRoots = pgTable(
  "epoch_roots",
  {
    epoch: integer().notNull(),
    pool: text().$type<Pool>().notNull(),
    root: text().notNull(),
    totalNano: nano("total_nano").notNull(),
    isSeen: boolean("is_seen").notNull().default(false),
  },
  (table) => [primaryKey({ columns: [table.epoch, table.pool] })],
);

export const claimCursors = pgTable("claim_cursors", {
  pool: text().$type<Pool>().primaryKey(),
  lt: nano("lt").notNull(),
});

export type EpochRow = typeof epochs.$inferSelect;
export type EpochRootRow = typeof epochRoots.$inferSelect;
export type EscrowRow = typeof escrows.$inferSelect;
export type RefutationRow = typeof refutations.$inferSelect;
export type StakeRow = typeof stakes.$inferSelect;
export type PayoutRow = typeof payouts.$inferSelect;
export type JobRow = typeof jobs.$inferSelect;
export type RoundRow = typeof rounds.$inferSelect;
export type LeaseRow = typeof leases.$inferSelect;
export type ResultRow = typeof results.$inferSelect;
export type ProviderRow = typeof providers.$inferSelect;
