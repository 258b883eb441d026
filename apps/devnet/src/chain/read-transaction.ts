/** A transaction of the engine, with the messages it read and wrote as the cells they are. */
import {
  Address,
  Cell,
  Dictionary,
  loadMessage,
  loadTransaction,
  loadTransactionDescription,
  type Message,
  type Transaction,
} from "@ton/core";
import type { MessageRow } from "./shapes.ts";

export interface CellMessage {
  readonly cell: Cell;
  readonly message: Message;
}

export interface ReadTransaction {
  readonly transaction: Transaction;
  readonly inMessage: CellMessage | undefined;
  /** In the order they were sent. */
  readonly outMessages: readonly CellMessage[];
}

export function readTransaction(cell: Cell): ReadTransaction {
  return { transaction: loadTransaction(cell.beginParse()), ...readMessages(cell) };
}

export interface Executed extends Omit<ReadTransaction, "transaction"> {
  readonly lt: bigint;
  readonly gasUsed: bigint;
}

/** Bits before the logical time: the tag and the account. */
const LT_AT_BIT = 4 + 256;

/** Only what a block needs of it: of each one there is, so the rest is left unread. */
export function readExecuted(cell: Cell): Executed {
  const lt = cell.beginParse().skip(LT_AT_BIT).loadUintBig(64);
  const description = loadTransactionDescription((cell.refs.at(-1) ?? Cell.EMPTY).beginParse());
  const compute = description.type === "generic" ? description.computePhase : undefined;
  return { lt, gasUsed: compute?.type === "vm" ? compute.gasUsed : 0n, ...readMessages(cell) };
}

/** SOURCE: block.tlb, transaction$0111 … ^[ in_msg:(Maybe ^(Message Any)) out_msgs:(HashmapE 15 ^(Message Any)) ] */
function readMessages(cell: Cell): Omit<ReadTransaction, "transaction"> {
  const messages = (cell.refs[0] ?? Cell.EMPTY).beginParse();
  const inCell = messages.loadMaybeRef();
  const outCells = messages.loadDict(Dictionary.Keys.Uint(15), Dictionary.Values.Cell());
  return {
    inMessage: inCell ? readMessage(inCell) : undefined,
    outMessages: outCells.values().map(readMessage),
  };
}

export function readMessage(cell: Cell): CellMessage {
  return { cell, message: loadMessage(cell.beginParse()) };
}

export function messageRow({ cell, message }: CellMessage, direction: MessageRow["direction"]): MessageRow {
  const { info } = message;
  return {
    hash: cell.hash(),
    direction,
    source: rawOf(info.src),
    destination: rawOf(info.dest),
    createdLt: info.type === "external-in" ? null : info.createdLt,
    opcode: opcodeOf(message.body),
  };
}

/** workchain:hex; null of none and of addresses outside the chain. */
export function rawOf(address: unknown): string | null {
  return Address.isAddress(address) ? address.toRawString() : null;
}

/** The first 32 bits of a body. */
export function opcodeOf(body: Cell): number | null {
  const slice = body.beginParse(true);
  return !body.isExotic && slice.remainingBits >= 32 ? slice.preloadUint(32) : null;
}
