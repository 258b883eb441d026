/**
 * Makes a block: what is on its way first, then what came from outside, then what these sent, until it is full.
 *
 * Nothing is changed but the block that is returned; whoever holds the chain commits it.
 */
import { createHash } from "node:crypto";
import type { Clock } from "@pingo/core";
import type { Cell } from "@ton/core";
import { EMPTY_ACCOUNT } from "./account-state.ts";
import type { Engine, Moment } from "./engine.ts";
import { messageRow, readExecuted } from "./read-transaction.ts";
import type {
  ExecutedTransaction,
  ExternalMessage,
  Head,
  InternalMessage,
  MessageRow,
  NewBlock,
} from "./shapes.ts";

/** Blocks begin at multiples of it. SOURCE: ConfigParams::get_lt_align of the node. */
const LT_ALIGN = 1_000_000n;
/** SOURCE: TON configuration parameter 22, soft limit of gas of a basechain block. */
const GAS_MAX = 10_000_000n;
/** Each of these is a row and an entry of the client's page. */
const TRANSACTIONS_MAX = 2_000;
/** Of the block's time, so that the next one begins when it should. */
const TIME_SHARE_MAX = 0.8;
const BASECHAIN = "0:";

export interface CollateOptions {
  readonly head: Head;
  readonly unixS: number;
  readonly blockMs: number;
  readonly internals: readonly InternalMessage[];
  readonly externals: readonly ExternalMessage[];
  readonly engine: Engine;
  readonly readAccount: (address: string) => Buffer | undefined;
  readonly clock: Clock;
  /** Awaited between transactions, so that requests are answered meanwhile. */
  readonly pause: () => Promise<void>;
  readonly onRefused: (external: ExternalMessage, why: string) => void;
}

export async function collate(options: CollateOptions): Promise<NewBlock> {
  const { head, unixS, externals, engine } = options;
  const startLt = (head.endLt / LT_ALIGN + 1n) * LT_ALIGN;
  const seqno = head.seqno + 1;
  const seed = sha256(head.masterRoot, numberBytes(seqno));
  const untilMs = options.clock.monotonicMs() + options.blockMs * TIME_SHARE_MAX;
  const accounts = new Map<string, Buffer>();
  const transactions: ExecutedTransaction[] = [];
  const settled: number[] = [];
  const queue: InternalMessage[] = [...options.internals];
  let queued = 0;
  let lt = startLt;
  let gasUsed = 0n;
  const isFull = (): boolean =>
    gasUsed >= GAS_MAX || transactions.length >= TRANSACTIONS_MAX || options.clock.monotonicMs() >= untilMs;

  const execute = async (
    cell: Cell,
    destination: string,
    trace: Buffer | undefined,
  ): Promise<string | undefined> => {
    const before = accounts.get(destination) ?? options.readAccount(destination) ?? EMPTY_ACCOUNT;
    const moment: Moment = { unixS, lt, seed };
    const outcome = await engine.run(before, cell, moment);
    if (!outcome.ok) return outcome.why;
    accounts.set(destination, outcome.account);
    const executed = record(outcome.transaction, outcome.transactionBoc, destination, trace);
    transactions.push(executed.row);
    gasUsed += executed.gasUsed;
    queue.push(...executed.sent);
    if (executed.endLt > lt) lt = executed.endLt;
    await options.pause();
    return undefined;
  };
  const runQueue = async (): Promise<void> => {
    while (queued < queue.length && !isFull()) {
      const next = queue[queued++];
      if (next === undefined) return;
      const why = await execute(next.cell, next.destination, next.trace);
      // What one contract sent to another is always delivered; an engine that cannot is broken.
      if (why !== undefined) throw new Error(`an internal message was not executed: ${why}`);
    }
  };

  await runQueue();
  for (const external of externals) {
    if (isFull()) break;
    const why = await execute(external.cell, external.destination, undefined);
    if (why !== undefined) options.onRefused(external, why);
    settled.push(external.id);
  }
  await runQueue();

  return {
    head: nextHead(head, seqno, unixS, lt, transactions),
    startLt,
    transactions,
    accounts,
    outbox: queue.slice(queued),
    settled,
  };
}

interface Recorded {
  readonly row: ExecutedTransaction;
  readonly sent: readonly InternalMessage[];
  readonly gasUsed: bigint;
  /** After the transaction and all it sent. */
  readonly endLt: bigint;
}

function record(cell: Cell, boc: Buffer, account: string, causedBy: Buffer | undefined): Recorded {
  const { lt, gasUsed, inMessage, outMessages } = readExecuted(cell);
  const hash = cell.hash();
  const trace = causedBy ?? hash;
  const messages: MessageRow[] = outMessages.map((out) => messageRow(out, "out"));
  if (inMessage) messages.unshift(messageRow(inMessage, "in"));
  const sent = outMessages.flatMap((out): InternalMessage[] =>
    out.message.info.type === "internal"
      ? [{ cell: out.cell, destination: out.message.info.dest.toRawString(), trace }]
      : [],
  );
  return {
    row: { account, lt, hash, boc, trace, messages },
    sent,
    gasUsed,
    endLt: lt + BigInt(outMessages.length) + 1n,
  };
}

/** Ids of our own making: a block here is its header and its transactions, not the cells of a validator's. */
function nextHead(
  before: Head,
  seqno: number,
  unixS: number,
  endLt: bigint,
  transactions: readonly ExecutedTransaction[],
): Head {
  const header = Buffer.concat([numberBytes(seqno), numberBytes(unixS)]);
  const of = (isBase: boolean): Buffer[] =>
    transactions.filter(({ account }) => account.startsWith(BASECHAIN) === isBase).map(({ hash }) => hash);
  const shardRoot = sha256(before.shardRoot, header, ...of(true));
  const masterRoot = sha256(before.masterRoot, header, shardRoot, ...of(false));
  return { seqno, unixS, endLt, masterRoot, shardRoot };
}

function numberBytes(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}
