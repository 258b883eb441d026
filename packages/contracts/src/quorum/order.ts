/** Orders of an authority to a contract, and what comes back when one fails. SOURCE: tolk/order.tolk. */
import { type Address, beginCell, type Cell } from "@ton/core";

export const ORDER_OP = 0x50470100;
export const ORDER_FAILED_OP = 0x50470101;

/** As the authority itself sends it; through a quorum it is made on chain. */
export function encodeOrder(order: Cell, payer: Address, queryId = 0n): Cell {
  return beginCell()
    .storeUint(ORDER_OP, 32)
    .storeUint(queryId, 64)
    .storeAddress(payer)
    .storeRef(order)
    .endCell();
}

/** What a payer is told of an order, a vote or a decision that failed on its way; null where the body is something else. */
export function exitCodeOfFailure(body: Cell): number | null {
  const read = body.beginParse();
  if (read.remainingBits < 128 || read.loadUint(32) !== ORDER_FAILED_OP) return null;
  return read.skip(64).loadInt(32);
}
