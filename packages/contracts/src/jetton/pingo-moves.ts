/** What came into a PINGO wallet and what left it, as its transactions on chain say. SOURCE: TEP-74's internal transfers. */
import type { TransactionView } from "@pingo/ton";
import type { Address, Cell } from "@ton/core";
import { INTERNAL_TRANSFER_OP } from "./pingo-wallet.ts";

export interface PingoMove {
  readonly lt: bigint;
  readonly direction: "in" | "out";
  readonly queryId: bigint;
  readonly amountNano: bigint;
  /** The other side's PINGO wallet; null where the chain names none. */
  readonly wallet: Address | null;
}

export function movesOf({ lt, inMessage, outMessages }: TransactionView): readonly PingoMove[] {
  const into = inMessage && internalTransferOf(inMessage.body);
  const out = outMessages.flatMap(({ body, to }) => {
    const sent = internalTransferOf(body);
    return sent ? [{ lt, direction: "out" as const, ...sent, wallet: to }] : [];
  });
  return [...(into ? [{ lt, direction: "in" as const, ...into, wallet: inMessage.from }] : []), ...out];
}

function internalTransferOf(
  body: Cell | null,
): { readonly queryId: bigint; readonly amountNano: bigint } | undefined {
  const slice = body?.beginParse(true);
  if (!slice || slice.remainingBits < 32 + 64 + 4 || slice.loadUint(32) !== INTERNAL_TRANSFER_OP)
    return undefined;
  return { queryId: slice.loadUintBig(64), amountNano: slice.loadCoins() };
}
