/** A block and what is in it, as the chain makes it and the store keeps it. */
import type { Cell } from "@ton/core";

/** The last block: what the next one builds on. */
export interface Head {
  readonly seqno: number;
  readonly unixS: number;
  readonly endLt: bigint;
  readonly masterRoot: Buffer;
  readonly shardRoot: Buffer;
}

/** A message on its way between accounts. */
export interface InternalMessage {
  readonly cell: Cell;
  /** workchain:hex */
  readonly destination: string;
  /** Hash of the first transaction of what it belongs to. */
  readonly trace: Buffer;
}

/** A message from outside, accepted and durable, waiting for a block. */
export interface ExternalMessage {
  readonly id: number;
  readonly cell: Cell;
  readonly destination: string;
}

export interface MessageRow {
  readonly hash: Buffer;
  readonly direction: "in" | "out";
  readonly source: string | null;
  readonly destination: string | null;
  readonly createdLt: bigint | null;
  readonly opcode: number | null;
}

export interface ExecutedTransaction {
  /** workchain:hex */
  readonly account: string;
  readonly lt: bigint;
  readonly hash: Buffer;
  readonly boc: Buffer;
  readonly trace: Buffer;
  readonly messages: readonly MessageRow[];
}

export interface NewBlock {
  readonly head: Head;
  readonly startLt: bigint;
  readonly transactions: readonly ExecutedTransaction[];
  /** New states by address, as BoCs of ShardAccount. */
  readonly accounts: ReadonlyMap<string, Buffer>;
  /** All that is still on its way, in order. */
  readonly outbox: readonly InternalMessage[];
  /** Inbox ids that need not wait any longer: executed, or refused by now. */
  readonly settled: readonly number[];
}
