/** What came into an owner's PINGO wallet and what left it, page by page. */
import { movesOf, type PingoMove, PingoWallet } from "@pingo/contracts";
import type { Toncenter } from "@pingo/ton";
import type { Address } from "@ton/core";

export interface MovesOf {
  readonly owner: Address;
  readonly minter: Address;
  readonly afterLt: bigint;
}

const PAGE = 100;
/** Of one look: far more than moves while nobody is looking. */
const PAGES_MAX = 1_000;

/** Newest first. @throws {ToncenterError} */
export async function readMoves(
  client: Toncenter,
  { owner, minter, afterLt }: MovesOf,
  signal: AbortSignal,
): Promise<readonly PingoMove[]> {
  const { address } = new PingoWallet(owner, minter);
  const found: PingoMove[] = [];
  let before: { readonly lt: bigint; readonly hash: string } | undefined;
  for (let pages = 0; pages < PAGES_MAX; pages++) {
    const page = await client.transactions(address, { limit: PAGE, before, afterLt }, signal);
    // A page begins with the transaction that it was asked to begin with.
    const fresh = before === undefined ? page : page.slice(1);
    found.push(...fresh.flatMap((transaction) => movesOf(transaction, minter)));
    before = fresh.at(-1);
    if (before === undefined || page.length < PAGE) break;
  }
  return found;
}
