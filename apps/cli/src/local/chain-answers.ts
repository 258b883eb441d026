/** What comes back to a wallet for what it asked of a contract. */
import type { Toncenter, TransactionView } from "@pingo/ton";
import type { Address, Cell } from "@ton/core";

const TRANSACTIONS_MAX = 20;
const BOUNCED = 0xffffffff;

/** Logical time of the wallet's newest transaction. */
export async function lastLtOf(chain: Toncenter, own: Address, signal: AbortSignal): Promise<bigint> {
  const [last] = await chain.transactions(own, { limit: 1, afterLt: 0n }, signal);
  return last?.lt ?? 0n;
}

export function answersTo(
  chain: Toncenter,
  own: Address,
  afterLt: bigint,
  signal: AbortSignal,
): Promise<readonly TransactionView[]> {
  return chain.transactions(own, { limit: TRANSACTIONS_MAX, afterLt }, signal);
}

/**
 * Of an order that failed on its way; null where none of the answers is one.
 *
 * @throws {ToncenterError} CHAIN_REFUSED where a contract returned the message itself, which tells no code
 */
export async function exitCodeOfRefusal(
  what: string,
  answers: readonly TransactionView[],
): Promise<number | null> {
  const { exitCodeOfFailure } = await import("@pingo/contracts");
  const { ToncenterError } = await import("@pingo/ton");
  for (const { inMessage } of answers) {
    if (!inMessage?.body) continue;
    const exitCode = exitCodeOfFailure(inMessage.body);
    if (exitCode !== null) return exitCode;
    if (isBounced(inMessage.body))
      throw new ToncenterError({
        code: "CHAIN_REFUSED",
        method: what,
        why: "its contract returned the message",
      });
  }
  return null;
}

/** How the network marks what a contract refused. */
function isBounced(body: Cell): boolean {
  return body.bits.length >= 32 && body.beginParse().loadUint(32) === BOUNCED;
}
