/** Transactions, messages and blocks as the API v3 writes them. SOURCE: toncenter.com/api/v3. */
import {
  beginCell,
  type Message,
  storeStateInit,
  type TransactionActionPhase,
  type TransactionComputePhase,
  type TransactionDescription,
} from "@ton/core";
import type { Chain } from "../../chain/chain.ts";
import { NETWORK_ID } from "../../chain/network-id.ts";
import { normalizedHash } from "../../chain/normalized-hash.ts";
import { type CellMessage, opcodeOf, rawOf, readTransaction } from "../../chain/read-transaction.ts";
import { type BlockRow, hashOfPartner, type TransactionRow } from "../../store/queries.ts";
import { readCell } from "../cell.ts";
import { BASECHAIN, type Json, MASTERCHAIN, STATUS_WORDS } from "../v2/shapes.ts";
import { rawUpper } from "./method.ts";

const SHARD_V3 = "8000000000000000";
const HASH_BYTES = 32;

export function transactionV3(chain: Chain, row: TransactionRow): Json {
  const { transaction: tx, inMessage, outMessages } = readTransaction(readCell(row.boc));
  return {
    account: rawUpper(row.account),
    hash: row.hash.toString("base64"),
    lt: row.lt.toString(),
    now: tx.now,
    mc_block_seqno: row.seqno,
    trace_id: row.trace.toString("base64"),
    prev_trans_hash: bytesOf(tx.prevTransactionHash).toString("base64"),
    prev_trans_lt: tx.prevTransactionLt.toString(),
    orig_status: STATUS_WORDS[tx.oldStatus],
    end_status: STATUS_WORDS[tx.endStatus],
    total_fees: tx.totalFees.coins.toString(),
    total_fees_extra_currencies: {},
    description: descriptionV3(tx.description),
    block_ref: { workchain: workchainOf(row.account), shard: SHARD_V3, seqno: row.seqno },
    in_msg: inMessage ? messageV3(chain, inMessage, "in", row.hash) : null,
    out_msgs: outMessages.map((message) => messageV3(chain, message, "out", row.hash)),
    account_state_before: { hash: tx.stateUpdate.oldHash.toString("base64") },
    account_state_after: { hash: tx.stateUpdate.newHash.toString("base64") },
    emulated: false,
    finality: "finalized",
  };
}

export function messageV3(
  chain: Chain,
  { cell, message }: CellMessage,
  end: "in" | "out",
  txHash: Buffer,
): Json {
  const { info, body, init } = message;
  const hash = cell.hash();
  const source = rawOf(info.src);
  const destination = rawOf(info.dest);
  const opcode = opcodeOf(body);
  const other = hashOfPartner(chain.store, hash, end === "in" ? "out" : "in");
  const [read, written] = end === "in" ? [txHash, other] : [other, txHash];
  const initCell = init ? beginCell().store(storeStateInit(init)).endCell() : undefined;
  return {
    hash: hash.toString("base64"),
    ...(info.type === "external-in" ? { hash_norm: normalizedHash(cell).toString("base64") } : {}),
    source: source === null ? null : rawUpper(source),
    destination: destination === null ? null : rawUpper(destination),
    ...moneyOf(info),
    created_lt: info.type === "external-in" ? null : info.createdLt.toString(),
    created_at: info.type === "external-in" ? null : String(info.createdAt),
    opcode: opcode === null ? null : `0x${opcode.toString(16).padStart(8, "0")}`,
    decoded_opcode: null,
    ...(read ? { in_msg_tx_hash: read.toString("base64") } : {}),
    ...(written ? { out_msg_tx_hash: written.toString("base64") } : {}),
    message_content: {
      hash: body.hash().toString("base64"),
      body: body.toBoc().toString("base64"),
      decoded: null,
    },
    init_state: initCell
      ? { hash: initCell.hash().toString("base64"), body: initCell.toBoc().toString("base64"), decoded: null }
      : null,
  };
}

function moneyOf(info: Message["info"]): Readonly<Record<string, Json>> {
  if (info.type !== "internal") {
    const importFee = info.type === "external-in" ? info.importFee.toString() : null;
    const none = { value: null, value_extra_currencies: {}, fwd_fee: null, ihr_fee: null };
    return { ...none, ihr_disabled: null, bounce: null, bounced: null, import_fee: importFee };
  }
  return {
    value: info.value.coins.toString(),
    value_extra_currencies: {},
    fwd_fee: info.forwardFee.toString(),
    ihr_fee: info.ihrFee.toString(),
    ihr_disabled: info.ihrDisabled,
    bounce: info.bounce,
    bounced: info.bounced,
    import_fee: null,
  };
}

function descriptionV3(description: TransactionDescription): Json {
  if (description.type !== "generic") return { type: description.type };
  const { storagePhase, creditPhase, computePhase, actionPhase, bouncePhase } = description;
  return {
    type: "ord",
    aborted: description.aborted,
    destroyed: description.destroyed,
    credit_first: description.creditFirst,
    ...(storagePhase
      ? {
          storage_ph: {
            storage_fees_collected: storagePhase.storageFeesCollected.toString(),
            status_change: storagePhase.statusChange,
          },
        }
      : {}),
    ...(creditPhase ? { credit_ph: { credit: creditPhase.credit.coins.toString() } } : {}),
    compute_ph: computeV3(computePhase),
    ...(actionPhase ? { action: actionV3(actionPhase) } : {}),
    ...(bouncePhase ? { bounce: { type: bouncePhase.type } } : {}),
  };
}

function computeV3(phase: TransactionComputePhase): Json {
  if (phase.type === "skipped") return { skipped: true, reason: phase.reason.replaceAll("-", "_") };
  return {
    skipped: false,
    success: phase.success,
    msg_state_used: phase.messageStateUsed,
    account_activated: phase.accountActivated,
    gas_fees: phase.gasFees.toString(),
    gas_used: phase.gasUsed.toString(),
    gas_limit: phase.gasLimit.toString(),
    ...(phase.gasCredit == null ? {} : { gas_credit: phase.gasCredit.toString() }),
    mode: phase.mode,
    exit_code: phase.exitCode,
    ...(phase.exitArg == null ? {} : { exit_arg: phase.exitArg }),
    vm_steps: phase.vmSteps,
    vm_init_state_hash: bytesOf(phase.vmInitStateHash).toString("base64"),
    vm_final_state_hash: bytesOf(phase.vmFinalStateHash).toString("base64"),
  };
}

function actionV3(phase: TransactionActionPhase): Json {
  return {
    success: phase.success,
    valid: phase.valid,
    no_funds: phase.noFunds,
    status_change: phase.statusChange,
    total_fwd_fees: (phase.totalFwdFees ?? 0n).toString(),
    total_action_fees: (phase.totalActionFees ?? 0n).toString(),
    result_code: phase.resultCode,
    tot_actions: phase.totalActions,
    spec_actions: phase.specActions,
    skipped_actions: phase.skippedActions,
    msgs_created: phase.messagesCreated,
    action_list_hash: bytesOf(phase.actionListHash).toString("base64"),
    tot_msg_size: {
      cells: phase.totalMessageSize.cells.toString(),
      bits: phase.totalMessageSize.bits.toString(),
    },
  };
}

export function blockV3(block: BlockRow, workchain: number): Json {
  const root = workchain === MASTERCHAIN ? block.masterRoot : block.shardRoot;
  const ref = (seqno: number, chainId: number): Json => ({ workchain: chainId, shard: SHARD_V3, seqno });
  return {
    workchain,
    shard: SHARD_V3,
    seqno: block.seqno,
    root_hash: root.toString("base64"),
    file_hash: Buffer.from(root).reverse().toString("base64"),
    global_id: NETWORK_ID,
    version: 0,
    after_merge: false,
    before_split: false,
    after_split: false,
    want_merge: false,
    want_split: false,
    key_block: block.seqno === 0,
    vert_seqno_incr: false,
    flags: 0,
    gen_utime: String(block.unixS),
    start_lt: block.startLt.toString(),
    end_lt: block.endLt.toString(),
    validator_list_hash_short: 0,
    gen_catchain_seqno: 0,
    min_ref_mc_seqno: block.seqno,
    prev_key_block_seqno: 0,
    vert_seqno: 0,
    master_ref_seqno: block.seqno,
    rand_seed: root.toString("base64"),
    created_by: Buffer.alloc(HASH_BYTES).toString("base64"),
    tx_count: block.transactions,
    masterchain_block_ref: ref(block.seqno, MASTERCHAIN),
    prev_blocks: block.seqno === 0 ? [] : [ref(block.seqno - 1, workchain)],
  };
}

function workchainOf(raw: string): number {
  return raw.startsWith("-1:") ? MASTERCHAIN : BASECHAIN;
}

function bytesOf(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(HASH_BYTES * 2, "0"), "hex");
}
