/** Histories of the quorum: orders signed by enough, by too few, by strangers, ahead, twice; and changes of its keys. */
import { type Address, beginCell, type Cell } from "@ton/core";
import { encodeOrder } from "../../src/quorum/order.ts";
import {
  encodeExecute,
  encodeQuorumCall,
  encodeSetKeys,
  GLOBAL_ID,
  signCell,
} from "../../src/quorum/quorum.ts";
import { addressOf, type Chain, NANOGRAM } from "../../src/testing/index.ts";
import { ALICE, BOB, MALLORY, sendGenesis } from "../genesis.ts";
import { deployQuorum, FOG_KEYS, GOVERNOR, QUORUM } from "../quorum-of.ts";
import { message, type Story } from "./history.ts";

const HOUR_SECONDS = 3600;
const TARGET = addressOf("whom the quorum orders");
const ORDER = beginCell().storeUint(0xabcdef, 32).endCell();

/** Signed by as many as the history says: of five keys, in some order. */
function executed(chain: Chain, seqno: number, signers: number, target: Address): Cell {
  const call = encodeQuorumCall({
    quorum: QUORUM.address,
    globalId: GLOBAL_ID.mainnet,
    seqno,
    validUntilUnixS: chain.nowUnixS + HOUR_SECONDS,
    valueMinNanogram: NANOGRAM / 10n,
    target,
    order: ORDER,
  });
  const signatures = FOG_KEYS.slice(0, signers).map((key, place) => [place, signCell(key, call)] as const);
  return encodeExecute(call, new Map(signatures));
}

export const quorumStory: Story = {
  name: "quorum",
  waitSeconds: HOUR_SECONDS,
  owners: [],
  contracts: [QUORUM.address],
  moves: [
    (chain, amount, isKnown) =>
      message(
        BOB,
        QUORUM.address,
        executed(chain, amount % 4, amount % 6, isKnown ? TARGET : QUORUM.address),
      ),
    (_chain, amount, isGovernor) => {
      const publicKeys = FOG_KEYS.slice(0, amount % 6).map((key) => key.publicKey);
      const order = encodeSetKeys({ threshold: (amount >> 3) % 6, publicKeys });
      return message(isGovernor ? GOVERNOR : MALLORY, QUORUM.address, encodeOrder(order, ALICE));
    },
    () => message(MALLORY, QUORUM.address, encodeOrder(ORDER, MALLORY)),
  ],
  start: async (chain) => {
    await sendGenesis(chain);
    await deployQuorum(chain);
  },
  check: async (chain) => {
    const { threshold, publicKeyByIndex } = await chain.open(QUORUM).getView();
    const keys = publicKeyByIndex.size;
    if (2 * threshold <= keys || threshold > keys) throw new Error(`${threshold} of ${keys} is no majority`);
    if (new Set([...publicKeyByIndex.values()].map(String)).size < keys)
      throw new Error("a key counts twice");
  },
  finish: async (chain) => {
    const { seqno, threshold } = await chain.open(QUORUM).getView();
    for (const [signers, seqnoAfter] of [
      [threshold - 1, seqno],
      [threshold, seqno + 1],
      [threshold, seqno + 2],
    ] as const) {
      const before = (await chain.open(QUORUM).getView()).seqno;
      const body = executed(chain, before, signers, TARGET);
      await chain.send({ from: BOB, to: QUORUM.address, valueNanogram: NANOGRAM, body });
      const after = (await chain.open(QUORUM).getView()).seqno;
      if (after !== seqnoAfter)
        throw new Error(`${signers} of ${threshold} signed, and the number is ${after}`);
    }
  },
};
