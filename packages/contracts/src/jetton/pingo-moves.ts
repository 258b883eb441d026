/** What came into a PINGO wallet and what left it, as its transactions on chain say. SOURCE: TEP-74's internal transfers. */
import type { TransactionView } from "@pingo/ton";
import type { Address, Cell } from "@ton/core";
import { INTERNAL_TRANSFER_OP, TRANSFER_RETURNED_OP } from "./pingo-wallet.ts";

export interface PingoMove {
  readonly lt: bigint;
  /** back: it had gone out, and the other side's wallet could not take it. */
  readonly direction: "in" | "out" | "back";
  readonly queryId: bigint;
  readonly amountNano: bigint;
  /** The other side's PINGO wallet; null where the chain names none. */
  readonly wallet: Address | null;
}

/** The first bits of what comes back from a contract that failed: of TVM 12 with the whole body, and of before. */
const BOUNCED_OPS: readonly number[] = [0xfffffffe, 0xffffffff];

export function movesOf({ lt, inMessage, outMessages }: TransactionView): readonly PingoMove[] {
  const from = inMessage?.from ?? null;
  // A wallet that fails returns what came, and has nothing of it.
  const isRefused = outMessages.some(
    ({ body, to }) => BOUNCED_OPS.includes(opOf(body) ?? 0) && from !== null && to?.equals(from),
  );
  const into = inMessage && !isRefused && sumOf(inMessage.body, INTERNAL_TRANSFER_OP);
  const moves = outMessages.flatMap(({ body, to }): PingoMove[] => {
    const sent = sumOf(body, INTERNAL_TRANSFER_OP);
    const back = sumOf(body, TRANSFER_RETURNED_OP);
    if (back) return [{ lt, direction: "back", ...back, wallet: from }];
    return sent ? [{ lt, direction: "out", ...sent, wallet: to }] : [];
  });
  return [...(into ? [{ lt, direction: "in" as const, ...into, wallet: from }] : []), ...moves];
}

/** Both kinds of messages begin alike. */
function sumOf(
  body: Cell | null,
  op: number,
): { readonly queryId: bigint; readonly amountNano: bigint } | undefined {
  const slice = body?.beginParse(true);
  if (!slice || slice.remainingBits < 32 + 64 + 4 || slice.loadUint(32) !== op) return undefined;
  return { queryId: slice.loadUintBig(64), amountNano: slice.loadCoins() };
}

function opOf(body: Cell | null): number | undefined {
  const slice = body?.beginParse(true);
  return slice && slice.remainingBits >= 32 ? slice.loadUint(32) : undefined;
}
