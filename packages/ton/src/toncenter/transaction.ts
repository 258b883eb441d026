/** Transactions as toncenter tells them: read from their own cells, which say what was done and what failed. */

import type { Cell } from "@ton/core";
import { type Address, loadTransaction, type Message } from "@ton/core";
import { z } from "zod";
import { BocError, type BocLimits, parseBoc } from "../boc.ts";

export interface TransactionMessage {
  /** Who sent it, or gets it; null for the world outside. */
  readonly from: Address | null;
  readonly to: Address | null;
  readonly body: Cell;
}

export interface TransactionView {
  readonly lt: bigint;
  /** In base64. */
  readonly hash: string;
  /** Of one that failed, in its computing or in what it sends, nothing remains but the message that returns to its sender. */
  readonly isDone: boolean;
  /** With what its contract ended; null where none ran. */
  readonly exitCode: number | null;
  readonly inMessage: TransactionMessage | null;
  readonly outMessages: readonly TransactionMessage[];
}

export const zTransaction = z.object({
  transaction_id: z.object({
    lt: z.union([z.string().regex(/^\d{1,20}$/), z.int().nonnegative()]).transform(BigInt),
    hash: z.string().max(64),
  }),
  data: z.string(),
});

/**
 * Of one transaction with its messages: a message has up to 2^21 bits and 2^13 cells, 512 deep; what it causes may carry it on, twice.
 * SOURCE: TON configuration parameter 43.
 */
const TRANSACTION_LIMITS: BocLimits = { bytesMax: 4 * 2 ** 20, depthMax: 640, cellsMax: 2 ** 16 };
const OVER_LIMITS: readonly string[] = ["BOC_TOO_LARGE", "BOC_TOO_DEEP", "BOC_TOO_MANY_CELLS"];

/**
 * One that is over the limits says nothing of its messages: whoever wrote it shall not keep the others from being read.
 *
 * @throws {BocError} what is no transaction
 */
export function transactionOf({ transaction_id: id, data }: z.infer<typeof zTransaction>): TransactionView {
  try {
    const { description, inMessage, outMessages } = loadTransaction(
      parseBoc(Buffer.from(data, "base64"), TRANSACTION_LIMITS).beginParse(),
    );
    return {
      ...id,
      isDone: description.type === "generic" && !description.aborted,
      exitCode:
        description.type === "generic" && description.computePhase.type === "vm"
          ? description.computePhase.exitCode
          : null,
      inMessage: inMessage ? messageOf(inMessage) : null,
      outMessages: outMessages.values().map(messageOf),
    };
  } catch (cause) {
    if (!(cause instanceof BocError)) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new BocError({ code: "BOC_MALFORMED", why }, { cause });
    }
    if (!OVER_LIMITS.includes(cause.code)) throw cause;
    return { ...id, isDone: false, exitCode: null, inMessage: null, outMessages: [] };
  }
}

function messageOf({ info, body }: Message): TransactionMessage {
  return {
    from: info.type === "external-in" ? null : info.src,
    to: info.type === "external-out" ? null : info.dest,
    body,
  };
}
