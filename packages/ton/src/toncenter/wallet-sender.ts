/**
 * Sends from a W5 wallet, one order after the other, and waits until the wallet has executed it.
 *
 * Other programs may send from the same wallet: that it moved on says nothing of our order, which is looked for among its transactions.
 */
import { assert, type Clock, type KeyPair } from "@pingo/core";
import { type Address, type Cell, loadMessage } from "@ton/core";
import { parseBoc } from "../boc.ts";
import {
  type NetworkId,
  signWalletOrder,
  WALLET_MESSAGES_MAX,
  type WalletMessage,
  walletContract,
} from "../wallet/wallet.ts";
import type { Toncenter } from "./toncenter.ts";
import { isAway, ToncenterError } from "./toncenter-error.ts";

export interface WalletSender {
  readonly address: Address;
  readonly network: NetworkId;
  /**
   * Resolves once the wallet has executed the order; what follows from it may still be on its way.
   *
   * @throws {ToncenterError} CHAIN_REFUSED, NOT_SEEN_ON_CHAIN, WALLET_BUSY, CHAIN_UNREACHABLE
   */
  send(messages: readonly WalletMessage[]): Promise<void>;
  /**
   * One order, chosen when its number is known already: whatever is executed between the choice and the order makes the chain refuse it, so
   * nothing is sent twice. Then it is chosen anew. None chosen: nothing is sent.
   */
  sendChosen(choose: () => Promise<readonly WalletMessage[]>): Promise<void>;
}

export interface WalletSenderOptions {
  readonly chain: Toncenter;
  readonly key: KeyPair;
  readonly network: NetworkId;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

const VALID_S = 60;
/** Twice that: the chain's clock may be behind. */
const WAIT_MS_MAX = 2 * VALID_S * 1000;
const LOOK_EVERY_MS = 200;
/** For the order that had the number to be told. */
const LOOKS_MAX = 300;
const TRANSACTIONS_PAGE = 100;
/** Other programs with the same wallet: each may take the number that we were about to use. */
const TRIES_MAX = 10;

export function createWalletSender({
  chain,
  key,
  network,
  clock,
  signal,
}: WalletSenderOptions): WalletSender {
  const contract = walletContract(key.publicKey, network);
  const wallet = chain.open(contract);
  /** false: another order had the number, and this one can never be executed any more. */
  const sendOnce = async (choose: () => Promise<readonly WalletMessage[]>): Promise<boolean> => {
    // In this order: what is executed between the two is among what came since.
    const [newest] = await chain.transactions(contract.address, { limit: 1, afterLt: 0n }, signal);
    const seqno = await wallet.getSeqno();
    const messages = await choose();
    assert(messages.length <= WALLET_MESSAGES_MAX, "an order has one signature");
    if (messages.length === 0) return true;
    const validUntilUnixS = (await chain.nowUnixS(signal)) + VALID_S;
    const order = await signWalletOrder(key, network, { messages, seqno, validUntilUnixS });
    const digest = loadMessage(parseBoc(order).beginParse()).body.hash();
    try {
      await chain.send(order, signal);
    } catch (error) {
      // Refused for its number: somebody else with this key was faster.
      if (isRefused(error) && (await wallet.getSeqno()) > seqno)
        return isExecuted(digest, seqno, newest?.lt ?? 0n);
      // Its answer was lost, and perhaps nothing else: whoever sent it again now might pay twice.
      if (!isAway(error)) throw error;
    }
    const sentMs = clock.monotonicMs();
    while (clock.monotonicMs() - sentMs < WAIT_MS_MAX) {
      const now = (await unlessAway(wallet.getSeqno())) ?? seqno;
      if (now > seqno) return isExecuted(digest, seqno, newest?.lt ?? 0n);
      await clock.sleep(LOOK_EVERY_MS, signal ? { signal } : {});
    }
    throw new ToncenterError({
      code: "NOT_SEEN_ON_CHAIN",
      what: "an order of the wallet",
      seconds: WAIT_MS_MAX / 1000,
    });
  };
  /**
   * The wallet has moved on: was it ours that had the number? Only once the one that had it is told, which may be later than the number: whoever believed
   * an answer that is behind would pay twice.
   */
  const isExecuted = async (digest: Buffer, seqno: number, afterLt: bigint): Promise<boolean> => {
    for (let looks = 0; looks < LOOKS_MAX; looks++) {
      const executed = await unlessAway(orderOf(seqno, afterLt));
      if (executed !== undefined) return executed.hash().equals(digest);
      await clock.sleep(LOOK_EVERY_MS, signal ? { signal } : {});
    }
    const seconds = (LOOKS_MAX * LOOK_EVERY_MS) / 1000;
    throw new ToncenterError({ code: "NOT_SEEN_ON_CHAIN", what: "an order of the wallet", seconds });
  };
  /** The one order of this number that the wallet has executed; undefined while it is not told. */
  const orderOf = async (seqno: number, afterLt: bigint): Promise<Cell | undefined> => {
    let before: { readonly lt: bigint; readonly hash: string } | undefined;
    do {
      const page = await chain.transactions(
        contract.address,
        { limit: TRANSACTIONS_PAGE, before, afterLt },
        signal,
      );
      // What comes from another contract is not signed for until the wallet has looked at it: anybody could write our number.
      for (const { inMessage } of page)
        if (inMessage?.from === null && seqnoOf(inMessage.body) === seqno) return inMessage.body;
      before = page.length === TRANSACTIONS_PAGE ? page.at(-1) : undefined;
    } while (before !== undefined);
    return undefined;
  };
  const sendNow = async (choose: () => Promise<readonly WalletMessage[]>): Promise<void> => {
    for (let tries = 0; tries < TRIES_MAX; tries++) if (await sendOnce(choose)) return;
    throw new ToncenterError({ code: "WALLET_BUSY", tries: TRIES_MAX });
  };
  let last: Promise<unknown> = Promise.resolve();
  // Two orders at once would have one number, and one would be lost.
  const sendChosen = (choose: () => Promise<readonly WalletMessage[]>): Promise<void> => {
    const done = last.then(() => sendNow(choose));
    last = done.catch(() => undefined);
    return done;
  };
  return {
    address: contract.address,
    network,
    sendChosen,
    async send(messages) {
      for (let from = 0; from < messages.length; from += WALLET_MESSAGES_MAX) {
        const part = messages.slice(from, from + WALLET_MESSAGES_MAX);
        await sendChosen(async () => part);
      }
    },
  };
}

/** Behind the opcode, the wallet's number and the end of its time. SOURCE: ton-blockchain/wallet-contract-v5, types.tlb. */
const SEQNO_AT_BIT = 96;

function seqnoOf(body: Cell): number | undefined {
  const { length } = body.bits;
  return length < SEQNO_AT_BIT + 32 ? undefined : body.beginParse().skip(SEQNO_AT_BIT).loadUint(32);
}

/** undefined: nobody answers at the moment. */
async function unlessAway<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (!isAway(error)) throw error;
    return undefined;
  }
}

function isRefused(error: unknown): boolean {
  return error instanceof ToncenterError && error.code === "CHAIN_REFUSED";
}
