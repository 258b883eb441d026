/** How toncenter's API v2 writes what is on the chain. SOURCE: toncenter.com/api/v2, TonLib's types. */
import { Address, type AccountStatus as CoreStatus, type Message } from "@ton/core";
import type { AccountState } from "../../chain/account-state.ts";
import { type CellMessage, rawOf, readTransaction } from "../../chain/read-transaction.ts";
import type { BlockRow, TransactionRow } from "../../store/queries.ts";
import { readCell } from "../cell.ts";

export const MASTERCHAIN = -1;
export const BASECHAIN = 0;
/** All accounts of a workchain are in one shard here. */
export const WHOLE_SHARD = "-9223372036854775808";

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

type BlockIds = Pick<BlockRow, "seqno" | "masterRoot" | "shardRoot">;

export function blockIdExt(block: BlockIds, workchain: number): Json {
  const root = workchain === MASTERCHAIN ? block.masterRoot : block.shardRoot;
  return {
    "@type": "ton.blockIdExt",
    workchain,
    shard: WHOLE_SHARD,
    seqno: block.seqno,
    root_hash: root.toString("base64"),
    // Our blocks are no files: the second hash is the first one turned round.
    file_hash: Buffer.from(root).reverse().toString("base64"),
  };
}

export function transactionId(lt: bigint, hash: Buffer): Json {
  return { "@type": "internal.transactionId", lt: lt.toString(), hash: hash.toString("base64") };
}

/** "nonexist" has no word of its own in v2. */
export function statusOf({ status }: AccountState): string {
  return status === "active" || status === "frozen" ? status : "uninitialized";
}

export function addressInformation(account: AccountState, block: BlockIds, unixS: number): Json {
  return {
    "@type": "raw.fullAccountState",
    balance: account.balance.toString(),
    extra_currencies: currencies(account),
    code: account.code?.toBoc().toString("base64") ?? "",
    data: account.data?.toBoc().toString("base64") ?? "",
    last_transaction_id: transactionId(account.lastLt, account.lastHash),
    block_id: blockIdExt(block, MASTERCHAIN),
    frozen_hash: account.frozenHash?.toString("base64") ?? "",
    sync_utime: unixS,
    state: statusOf(account),
  };
}

export function currencies(account: AccountState): Json {
  return Object.entries(account.extraCurrencies).map(([id, amount]) => ({
    "@type": "extraCurrency",
    id: Number(id),
    amount: amount.toString(),
  }));
}

export function transaction(row: TransactionRow): Json {
  const cell = readCell(row.boc);
  const { transaction: tx, inMessage, outMessages } = readTransaction(cell);
  const storage =
    "storagePhase" in tx.description ? (tx.description.storagePhase?.storageFeesCollected ?? 0n) : 0n;
  const fee = tx.totalFees.coins;
  return {
    "@type": "raw.transaction",
    address: { "@type": "accountAddress", account_address: friendly(row.account) },
    account: row.account,
    utime: tx.now,
    data: row.boc.toString("base64"),
    transaction_id: transactionId(row.lt, row.hash),
    fee: fee.toString(),
    storage_fee: storage.toString(),
    other_fee: (fee - storage).toString(),
    ...(inMessage ? { in_msg: message(inMessage) } : {}),
    out_msgs: outMessages.map(message),
  };
}

export function friendly(raw: string): string {
  return Address.parseRaw(raw).toString();
}

function message({ cell, message: read }: CellMessage): Json {
  const { info, body, init } = read;
  const text = commentOf(read);
  const source = rawOf(info.src);
  const destination = rawOf(info.dest);
  const isInternal = info.type === "internal";
  return {
    "@type": "raw.message",
    hash: cell.hash().toString("base64"),
    source: source === null ? "" : friendly(source),
    destination: destination === null ? "" : friendly(destination),
    value: isInternal ? info.value.coins.toString() : "0",
    extra_currencies: [],
    fwd_fee: isInternal ? info.forwardFee.toString() : "0",
    ihr_fee: isInternal ? info.ihrFee.toString() : "0",
    created_lt: info.type === "external-in" ? "0" : info.createdLt.toString(),
    body_hash: body.hash().toString("base64"),
    msg_data:
      text === undefined
        ? {
            "@type": "msg.dataRaw",
            body: body.toBoc().toString("base64"),
            init_state: init?.code?.toBoc().toString("base64") ?? "",
          }
        : { "@type": "msg.dataText", text: Buffer.from(text, "utf8").toString("base64") },
    message: text ?? "",
  };
}

/** A body that begins with 32 zero bits is what people wrote. */
function commentOf({ body }: Message): string | undefined {
  const slice = body.beginParse(true);
  if (body.isExotic || slice.remainingBits < 32 || slice.loadUint(32) !== 0) return undefined;
  try {
    return slice.loadStringTail();
  } catch {
    return undefined; // bits that are no whole bytes: no text
  }
}

export const STATUS_WORDS: { readonly [K in CoreStatus]: string } = {
  active: "active",
  frozen: "frozen",
  uninitialized: "uninit",
  "non-existing": "nonexist",
};
