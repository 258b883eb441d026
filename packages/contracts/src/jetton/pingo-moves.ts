/** What came into a PINGO wallet and what left it, as its transactions on chain say. SOURCE: TEP-74's internal transfers. */
import type { TransactionView } from "@pingo/ton";
import type { Address, Cell } from "@ton/core";
import { INTERNAL_TRANSFER_OP, PingoWallet, TRANSFER_RETURNED_OP } from "./pingo-wallet.ts";

export interface PingoMove {
  readonly lt: bigint;
  /** back: it had gone out, and the other side's wallet could not take it. */
  readonly direction: "in" | "out" | "back";
  readonly queryId: bigint;
  readonly amountNano: bigint;
  /** The other side's PINGO wallet; null where the chain names none. */
  readonly wallet: Address | null;
}

/** Of a wallet of this minter's. What failed moved nothing, and only a PINGO wallet of whom it names, or the minter at genesis, brings any. */
export function movesOf(
  { lt, isDone, inMessage, outMessages }: TransactionView,
  minter: Address,
): readonly PingoMove[] {
  if (!isDone) return [];
  const wallet = inMessage?.from ?? null;
  const into = inMessage && sumOf(inMessage.body, INTERNAL_TRANSFER_OP);
  const moves = outMessages.flatMap(({ body, to }): PingoMove[] => {
    const sent = sumOf(body, INTERNAL_TRANSFER_OP);
    const back = sumOf(body, TRANSFER_RETURNED_OP);
    if (back) return [{ lt, direction: "back", ...back, wallet }];
    return sent ? [{ lt, direction: "out", ...sent, wallet: to }] : [];
  });
  const hasCome = into && inMessage && wallet && isBringer(wallet, inMessage.body, minter);
  return [...(hasCome ? [{ lt, direction: "in" as const, ...into, wallet }] : []), ...moves];
}

/** Both kinds of messages begin alike. */
function sumOf(
  body: Cell,
  op: number,
): { readonly queryId: bigint; readonly amountNano: bigint } | undefined {
  const slice = body.beginParse(true);
  if (slice.remainingBits < 32 + 64 + 4 || slice.loadUint(32) !== op) return undefined;
  return { queryId: slice.loadUintBig(64), amountNano: slice.loadCoins() };
}

/** @param body  of an internal transfer */
function isBringer(wallet: Address, body: Cell, minter: Address): boolean {
  if (wallet.equals(minter)) return true;
  const slice = body.beginParse().skip(32 + 64);
  slice.loadCoins();
  const from = slice.loadMaybeAddress();
  return from !== null && new PingoWallet(from, minter).address.equals(wallet);
}
