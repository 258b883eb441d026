/** Sends from a W5 wallet, one order after the other, and waits until the wallet has moved on. */
import { assert, type Clock, type KeyPair } from "@pingo/core";
import type { Address } from "@ton/core";
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
   * @throws {ToncenterError} CHAIN_REFUSED, NOT_SEEN_ON_CHAIN, CHAIN_UNREACHABLE
   */
  send(messages: readonly WalletMessage[]): Promise<void>;
  /**
   * One order, chosen when its number is known already: whatever is executed between the choice and the order makes the chain refuse it, so
   * nothing is sent twice. None chosen: nothing is sent.
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

export function createWalletSender({
  chain,
  key,
  network,
  clock,
  signal,
}: WalletSenderOptions): WalletSender {
  const contract = walletContract(key.publicKey, network);
  const wallet = chain.open(contract);
  const sendNow = async (choose: () => Promise<readonly WalletMessage[]>): Promise<void> => {
    const seqno = await wallet.getSeqno();
    const messages = await choose();
    assert(messages.length <= WALLET_MESSAGES_MAX, "an order has one signature");
    if (messages.length === 0) return;
    const validUntilUnixS = (await chain.nowUnixS(signal)) + VALID_S;
    await chain.send(await signWalletOrder(key, network, { messages, seqno, validUntilUnixS }), signal);
    for (let waitedMs = 0; waitedMs < VALID_S * 1000; waitedMs += LOOK_EVERY_MS) {
      if ((await wallet.getSeqno()) > seqno) return;
      await clock.sleep(LOOK_EVERY_MS, signal ? { signal } : {});
    }
    throw new ToncenterError({ code: "NOT_SEEN_ON_CHAIN", what: "an order of the wallet", seconds: VALID_S });
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
