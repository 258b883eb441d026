import { beginCell, type Transaction } from "@ton/core";
import { internal } from "@ton/sandbox";
import { beforeEach, expect, test } from "vitest";
import { movesOf } from "../src/jetton/pingo-moves.ts";
import { INTERNAL_TRANSFER_OP } from "../src/jetton/pingo-wallet.ts";
import { NANOGRAM, TestChain } from "../src/testing/index.ts";
import { ALICE, BOB, MALLORY, MINTER, sendGenesis, transfer, walletOf } from "./genesis.ts";

let chain: TestChain;

beforeEach(async () => {
  chain = await TestChain.start();
});

/** As a client of the chain tells it. */
function movesIn({ lt, description, inMessage, outMessages }: Transaction): ReturnType<typeof movesOf> {
  const isDone = description.type === "generic" && !description.aborted;
  return movesOf(
    {
      ...{ lt, hash: "", isDone, exitCode: null, inMessage: inMessage ? partiesOf(inMessage) : null },
      outMessages: outMessages.values().map(partiesOf),
    },
    MINTER.address,
  );
}

function partiesOf({ info, body }: NonNullable<Transaction["inMessage"]>) {
  return {
    from: info.type === "external-in" ? null : info.src,
    to: info.type === "external-out" ? null : info.dest,
    body,
  };
}

test("what the minter and an owner's wallet bring is a move, on both sides", async () => {
  const made = await sendGenesis(chain);
  expect(
    made.flatMap(({ transaction }) => movesIn(transaction)).filter(({ direction }) => direction === "in")
      .length,
  ).toBeGreaterThan(0);
  const steps = await transfer(chain, ALICE, { to: BOB, amountNano: 5n });
  const moves = steps.flatMap(({ transaction }) => movesIn(transaction));
  expect(moves).toMatchObject([
    { direction: "out", amountNano: 5n },
    { direction: "in", amountNano: 5n },
  ]);
  expect(moves[0]?.wallet?.equals(walletOf(BOB).address)).toBe(true);
  expect(moves[1]?.wallet?.equals(walletOf(ALICE).address)).toBe(true);
});

test("what a stranger says was transferred is no move, whether it comes back or cannot", async () => {
  await sendGenesis(chain);
  const body = beginCell()
    .storeUint(INTERNAL_TRANSFER_OP, 32)
    .storeUint(7, 64)
    .storeCoins(10n ** 18n)
    .storeAddress(ALICE)
    .storeAddress(MALLORY)
    .storeCoins(0)
    .storeBit(false)
    .endCell();
  const [from, to] = [MALLORY, walletOf(BOB).address];
  const bounced = await chain.send({ from, to, valueNanogram: NANOGRAM, body });
  expect(bounced.flatMap(({ transaction }) => movesIn(transaction))).toEqual([]);
  const kept = await chain.deliver(internal({ from, to, value: NANOGRAM, bounce: false, body }));
  expect(kept.outMessagesCount).toBe(0);
  expect(movesIn(kept)).toEqual([]);
  // And a client that told of it as done would not be believed.
  const inMessage = { from, to, body };
  const told = { lt: 1n, hash: "", isDone: true, exitCode: 0, inMessage, outMessages: [] };
  expect(movesOf(told, MINTER.address)).toEqual([]);
});
