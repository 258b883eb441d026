/**
 * Sends from a W5 wallet, one order after the other, and waits until the wallet has executed it.
 *
 * Other programs may send from the same wallet: that it moved on says nothing of our order, which is looked for among its transactions.
 */
import { assert, type Clock, type KeyPair } from "@pingo/core";
import { type Address, loadMessage } from "@ton/core";
import { parseBoc } from "../boc.ts";
import {
  type NetworkId,
  signWalletOrder,
  WALLET_MESSAGES_MAX,
  type WalletMessage,
  walletContract,
} from "../wallet/wallet.ts";
import type { Toncenter } from "./toncenter.ts";
import { ToncenterError } from "./toncenter-error.ts";

export interface WalletSender {
  readonly address: Address;
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
const LOOK_EVERY_MS = 200;
/** For an order of ours among what the wallet did. */
const LOOKS_MAX = 10;
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
    const seqno = await wallet.getSeqno();
    // Without its first order there is nothing that could be mistaken for ours.
    const [newest] =
      seqno === 0 ? [] : await chain.transactions(contract.address, { limit: 1, afterLt: 0n }, signal);
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
      if (isRefused(error) && (await wallet.getSeqno()) > seqno) return isExecuted(digest, newest?.lt ?? 0n);
      throw error;
    }
    for (let waitedMs = 0; waitedMs < VALID_S * 1000; waitedMs += LOOK_EVERY_MS) {
      if ((await wallet.getSeqno()) > seqno) return isExecuted(digest, newest?.lt ?? 0n);
      await clock.sleep(LOOK_EVERY_MS, signal ? { signal } : {});
    }
    throw new ToncenterError({ code: "NOT_SEEN_ON_CHAIN", what: "an order of the wallet", seconds: VALID_S });
  };
  /** The wallet has moved on: was it by our order? Looked for more than once, as transactions may be told later than the number. */
  const isExecuted = async (digest: Buffer, afterLt: bigint): Promise<boolean> => {
    for (let looks = 0; looks < LOOKS_MAX; looks++) {
      let before: { readonly lt: bigint; readonly hash: string } | undefined;
      do {
        const page = await chain.transactions(
          contract.address,
          { limit: TRANSACTIONS_PAGE, before, afterLt },
          signal,
        );
        if (page.some(({ inMessage }) => inMessage?.from === null && inMessage.body.hash().equals(digest)))
          return true;
        before = page.length === TRANSACTIONS_PAGE ? page.at(-1) : undefined;
      } while (before !== undefined);
      await clock.sleep(LOOK_EVERY_MS, signal ? { signal } : {});
    }
    return false;
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
    sendChosen,
    async send(messages) {
      for (let from = 0; from < messages.length; from += WALLET_MESSAGES_MAX) {
        const part = messages.slice(from, from + WALLET_MESSAGES_MAX);
        await sendChosen(async () => part);
      }
    },
  };
}

function isRefused(error: unknown): boolean {
  return error instanceof ToncenterError && error.code === "CHAIN_REFUSED";
}
