/** Blocks, transactions and messages of the API v3. */
import { z } from "zod";
import { messageRow, readTransaction } from "../../chain/read-transaction.ts";
import { DevnetError } from "../../fault.ts";
import { blobOf } from "../../store/chain-store.ts";
import {
  blockBySeqno,
  blocks,
  type Condition,
  hashOfPartner,
  isIn,
  type TransactionRow,
  transactionByHash,
  transactions,
} from "../../store/queries.ts";
import { readCell } from "../cell.ts";
import { zAddress, zHash, zInt64, zWhole } from "../schema.ts";
import { BASECHAIN, type Json, MASTERCHAIN } from "../v2/shapes.ts";
import { addressBook, type Indexed, type MethodV3, methodV3, zList, zPage } from "./method.ts";
import { blockV3, messageV3, transactionV3 } from "./transaction-shapes.ts";

const SEQNO_MAX = 2 ** 31 - 1;
const UNIX_S_MAX = 2 ** 32 - 1;
/** Of one trace. */
const TRACE_TRANSACTIONS_MAX = 1_000;

const zSeqno = zWhole(0, SEQNO_MAX);
const zTime = z.object({
  start_utime: zWhole(0, UNIX_S_MAX).optional(),
  end_utime: zWhole(0, UNIX_S_MAX).optional(),
  start_lt: zInt64.optional(),
  end_lt: zInt64.optional(),
});

const zOpcode: z.ZodType<number> = z
  .string()
  .regex(/^(0x[0-9a-fA-F]{1,8}|-?\d{1,10})$/, "expected an operation code, like 0x0f8a7ea5")
  .transform((text) => Number(text) >>> 0);

export const CHAIN_METHODS_V3: Readonly<Record<string, MethodV3>> = {
  "GET masterchainInfo": methodV3(z.object({}), ({ chain }) => {
    const at = (seqno: number): Json => {
      const block = blockBySeqno(chain.store, seqno);
      return block ? blockV3(block, MASTERCHAIN) : null;
    };
    return { last: at(chain.head.seqno), first: at(0) };
  }),
  "GET blocks": methodV3(
    zPage.extend(zTime.shape).extend({
      workchain: zWhole(MASTERCHAIN, BASECHAIN).optional(),
      seqno: zSeqno.optional(),
      mc_seqno: zSeqno.optional(),
    }),
    ({ chain }, { workchain, seqno, mc_seqno, ...rest }) => {
      const number = seqno ?? mc_seqno;
      const conditions = [
        ...(number === undefined ? [] : [{ sql: "seqno = ?", values: [number] }]),
        ...timeConditions(rest, { time: "unix_s", lt: "end_lt" }),
      ];
      const chains = workchain === undefined ? [MASTERCHAIN, BASECHAIN] : [workchain];
      return {
        blocks: blocks(chain.store, conditions, rest).flatMap((block) =>
          chains.map((id) => blockV3(block, id)),
        ),
      };
    },
  ),
  "GET transactions": methodV3(
    zPage.extend(zTime.shape).extend({
      account: zList(zAddress).optional(),
      exclude_account: zList(zAddress).optional(),
      hash: zList(zHash).optional(),
      lt: zInt64.optional(),
      seqno: zSeqno.optional(),
      mc_seqno: zSeqno.optional(),
      workchain: zWhole(MASTERCHAIN, BASECHAIN).optional(),
    }),
    (indexed, { account, exclude_account, hash, lt, seqno, mc_seqno, workchain, ...rest }) => {
      const number = seqno ?? mc_seqno;
      const raw = account?.map((address) => address.toRawString()) ?? [];
      const not = exclude_account?.map((address) => address.toRawString()) ?? [];
      const found = transactions(
        indexed.chain.store,
        [
          ...(raw.length > 0 ? [isIn("account", raw)] : []),
          ...(not.length > 0 ? [{ ...isIn("account", not), sql: `NOT ${isIn("account", not).sql}` }] : []),
          ...(hash && hash.length > 0 ? [isIn("hash", hash)] : []),
          ...(lt === undefined ? [] : [{ sql: "lt = ?", values: [lt] }]),
          ...(number === undefined ? [] : [{ sql: "seqno = ?", values: [number] }]),
          ...(workchain === undefined ? [] : [{ sql: "account LIKE ?", values: [`${workchain}:%`] }]),
          ...timeConditions(rest, {
            time: "(SELECT unix_s FROM block WHERE block.seqno = tx.seqno)",
            lt: "lt",
          }),
        ],
        rest,
      );
      return answerOf(indexed, found);
    },
  ),
  "GET transactionsByMasterchainBlock": methodV3(
    zPage.extend({ seqno: zSeqno }),
    (indexed, { seqno, ...page }) =>
      answerOf(indexed, transactions(indexed.chain.store, [{ sql: "seqno = ?", values: [seqno] }], page)),
  ),
  "GET transactionsByMessage": methodV3(
    zPage.extend({
      msg_hash: zHash.optional(),
      body_hash: z.never("is not searched by here; use msg_hash or opcode").optional(),
      opcode: zOpcode.optional(),
      direction: z.enum(["in", "out"]).optional(),
    }),
    (indexed, { msg_hash, opcode, direction, ...page }) =>
      answerOf(
        indexed,
        transactions(indexed.chain.store, [byMessage({ hash: msg_hash, opcode, direction })], page),
      ),
  ),
  "GET adjacentTransactions": methodV3(
    z.object({ hash: zHash, direction: z.enum(["in", "out"]).optional() }),
    (indexed, { hash, direction }) => {
      const { store } = indexed.chain;
      const row = transactionByHash(store, hash);
      if (row === undefined)
        throw new DevnetError({ code: "TRANSACTION_UNKNOWN", what: `with hash ${hash.toString("base64")}` });
      const { inMessage, outMessages } = readTransaction(readCell(row.boc));
      const hashes = [
        ...(direction !== "out" && inMessage ? [hashOfPartner(store, inMessage.cell.hash(), "out")] : []),
        ...(direction === "in" ? [] : outMessages.map(({ cell }) => hashOfPartner(store, cell.hash(), "in"))),
      ];
      return answerOf(
        indexed,
        hashes.flatMap((found) => (found ? (transactionByHash(store, found) ?? []) : [])),
      );
    },
  ),
  "GET messages": methodV3(
    zPage.extend({
      msg_hash: zList(zHash).optional(),
      source: z.union([z.literal("null"), zAddress]).optional(),
      destination: z.union([z.literal("null"), zAddress]).optional(),
      opcode: zOpcode.optional(),
    }),
    (indexed, { msg_hash, source, destination, opcode, ...page }) => {
      const { chain } = indexed;
      const conditions: Condition[] = [];
      const end = (column: string, address: typeof source): void => {
        if (address === "null") conditions.push({ sql: `${column} IS NULL`, values: [] });
        else if (address) conditions.push({ sql: `${column} = ?`, values: [address.toRawString()] });
      };
      end("message.source", source);
      end("message.destination", destination);
      if (msg_hash && msg_hash.length > 0) conditions.push(isIn("message.hash", msg_hash));
      if (opcode !== undefined) conditions.push({ sql: "message.opcode = ?", values: [opcode] });
      // A message is told once, by the transaction that read it; what nobody read yet, by the one that wrote it.
      const rows = chain.store
        .statement(
          `SELECT message.hash AS hash, tx_hash, direction FROM message
           WHERE ${["(direction = 'in' OR destination IS NULL)", ...conditions.map(({ sql }) => sql)].join(" AND ")}
           ORDER BY created_lt ${page.sort === "asc" ? "ASC" : "DESC"} LIMIT ? OFFSET ?`,
        )
        .all(...conditions.flatMap(({ values }) => [...values]), page.limit, page.offset);
      const messages = rows.flatMap((row) => {
        const txHash = blobOf(row["tx_hash"]);
        const tx = transactionByHash(chain.store, txHash);
        if (!tx) return [];
        const { inMessage, outMessages } = readTransaction(readCell(tx.boc));
        const hash = blobOf(row["hash"]);
        const direction = row["direction"] === "in" ? "in" : "out";
        const all = direction === "in" ? (inMessage ? [inMessage] : []) : outMessages;
        return all
          .filter(({ cell }) => cell.hash().equals(hash))
          .map((message) => ({
            json: messageV3(chain, message, direction, txHash),
            ends: messageRow(message, "in"),
          }));
      });
      return {
        messages: messages.map(({ json }) => json),
        address_book: addressBook(messages.flatMap(({ ends }) => [ends.source, ends.destination])),
        metadata: {},
      };
    },
  ),
  "GET traces": methodV3(
    zPage.extend({
      account: zAddress.optional(),
      trace_id: zList(zHash).optional(),
      tx_hash: zList(zHash).optional(),
      msg_hash: zList(zHash).optional(),
    }),
    (indexed, { account, trace_id, tx_hash, msg_hash, ...page }) => {
      const { store } = indexed.chain;
      const conditions: Condition[] = [];
      if (trace_id && trace_id.length > 0) conditions.push(isIn("trace", trace_id));
      if (tx_hash && tx_hash.length > 0)
        conditions.push({
          ...isIn("hash", tx_hash),
          sql: `trace IN (SELECT trace FROM tx WHERE ${isIn("hash", tx_hash).sql})`,
        });
      if (msg_hash && msg_hash.length > 0) {
        const { sql, values } = isIn("message.hash", msg_hash);
        conditions.push({
          sql: `trace IN (SELECT trace FROM tx JOIN message ON message.tx_hash = tx.hash WHERE ${sql})`,
          values,
        });
      }
      if (account)
        conditions.push({
          sql: "trace IN (SELECT trace FROM tx WHERE account = ?)",
          values: [account.toRawString()],
        });
      // The first transaction of a trace gives it its name.
      const roots = transactions(store, [...conditions, { sql: "trace = hash", values: [] }], page);
      const traces = roots.map((root) => traceOf(indexed, root));
      return { traces, address_book: addressBook(roots.map((root) => root.account)), metadata: {} };
    },
  ),
};

function traceOf({ chain }: Indexed, root: TransactionRow): Json {
  const all = { limit: TRACE_TRANSACTIONS_MAX, offset: 0, sort: "asc" } as const;
  const rows = transactions(chain.store, [{ sql: "trace = ?", values: [root.trace] }], all);
  const last = rows.at(-1) ?? root;
  const hashOf = (row: TransactionRow): string => row.hash.toString("base64");
  return {
    trace_id: hashOf(root),
    mc_seqno_start: String(root.seqno),
    mc_seqno_end: String(last.seqno),
    start_lt: root.lt.toString(),
    end_lt: last.lt.toString(),
    is_incomplete: rows.length >= TRACE_TRANSACTIONS_MAX,
    transactions_order: rows.map(hashOf),
    transactions: Object.fromEntries(rows.map((row) => [hashOf(row), transactionV3(chain, row)])),
  };
}

function byMessage(filter: {
  readonly hash: Buffer | undefined;
  readonly opcode: number | undefined;
  readonly direction: "in" | "out" | undefined;
}): Condition {
  const parts: Condition[] = [];
  if (filter.hash) parts.push({ sql: "message.hash = ?", values: [filter.hash] });
  if (filter.opcode !== undefined) parts.push({ sql: "opcode = ?", values: [filter.opcode] });
  if (filter.direction) parts.push({ sql: "direction = ?", values: [filter.direction] });
  const where = parts.length === 0 ? "1" : parts.map(({ sql }) => sql).join(" AND ");
  return {
    sql: `hash IN (SELECT tx_hash FROM message WHERE ${where})`,
    values: parts.flatMap(({ values }) => values),
  };
}

function timeConditions(
  range: z.output<typeof zTime>,
  column: { readonly time: string; readonly lt: string },
): readonly Condition[] {
  const bounds = [
    { sql: `${column.time} >= ?`, value: range.start_utime },
    { sql: `${column.time} <= ?`, value: range.end_utime },
    { sql: `${column.lt} >= ?`, value: range.start_lt },
    { sql: `${column.lt} <= ?`, value: range.end_lt },
  ];
  return bounds.flatMap(({ sql, value }) => (value === undefined ? [] : [{ sql, values: [value] }]));
}

function answerOf({ chain }: Indexed, rows: readonly TransactionRow[]): Json {
  return {
    transactions: rows.map((row) => transactionV3(chain, row)),
    address_book: addressBook(rows.map(({ account }) => account)),
  };
}
