/** PINGO from this home's wallet to another one: looked for where it goes, since a wallet may not take it. */
import type { Context } from "../context.ts";
import { OrderError } from "./order-error.ts";
import { openOwnChain } from "./own-chain.ts";
import { parseAddress } from "./parse-address.ts";

/** With the first rent of the receiver's PINGO wallet; most of it comes back. */
const ASK_NANOGRAM = 100_000_000n;
/** Contracts of ours book what they are told of. */
const NOTICE_NANOGRAM = 2_000_000n;
const LOOK_BACK_MAX = 20;

/**
 * @param address whose wallet, as people write it
 * @returns it as workchain:hex
 * @throws {OrderError} SEND_PINGO_MISSING; {CliError} OPTION_INVALID, NO_ADDRESS_BOOK, NO_WALLET, GRAM_MISSING, REFUSED_ON_CHAIN
 */
export async function sendPingo(context: Context, address: string, amountNano: bigint): Promise<string> {
  const { ports, signal } = context;
  const chain = await openOwnChain(context);
  const to = await parseAddress("<address>", address, chain.network);
  const { encodeTransfer, movesOf, PingoWallet } = await import("@pingo/contracts");
  const { Address } = await import("@ton/core");
  const minter = Address.parseRaw(chain.addressOf("minter"));
  const [own, other] = [Address.parseRaw(await chain.ownAddress()), Address.parseRaw(to)];
  const [purse, theirs] = [new PingoWallet(own, minter), new PingoWallet(other, minter)];
  const foundNano = await chain.client.open(purse).getBalanceNano();
  if (foundNano < amountNano)
    throw new OrderError({
      code: "SEND_PINGO_MISSING",
      ...{ address: own.toString({ bounceable: false }), neededNano: amountNano, foundNano },
    });
  // By its number the transfer is known among others.
  const queryId = Buffer.from(ports.prng.bytes(8)).readBigUInt64BE();
  const body = encodeTransfer({
    ...{ queryId, amountNano, to: other, excessesTo: own, forwardNanogram: NOTICE_NANOGRAM },
  });
  const page = { limit: LOOK_BACK_MAX, afterLt: 0n };
  await chain.ask({
    what: "the transfer",
    messages: [{ to: purse.address, valueNanogram: ASK_NANOGRAM, body }],
    async look() {
      const seen = await chain.client.transactions(theirs.address, page, signal);
      const moves = seen.flatMap((transaction) => movesOf(transaction, minter));
      return moves.some((move) => move.direction === "in" && move.queryId === queryId) || undefined;
    },
  });
  return to;
}
