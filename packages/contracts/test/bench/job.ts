/**
 * What a job costs on chain at the prices of June 2026: opened and settled, by channel and by escrow.
 *
 * What left the pockets of all who sent something, less what came back; without the transactions of their own wallets.
 * Prints one JSON line. A program of its own for `npm run bench -- ton`.
 */
import { keyPairOfSeed } from "@pingo/core";
import type { Address } from "@ton/core";
import { Channel, encodeClose, encodeFinish, encodeRedeem } from "../../src/channel/channel.ts";
import { Escrow, encodeBill } from "../../src/channel/escrow.ts";
import { signVoucher } from "../../src/channel/voucher.ts";
import type { StateInit } from "../../src/init.ts";
import { encodeGenesis, PINGO_SUPPLY_NANO, PingoMinter } from "../../src/jetton/pingo-minter.ts";
import { encodeTransfer, PingoWallet } from "../../src/jetton/pingo-wallet.ts";
import { GLOBAL_ID } from "../../src/quorum/quorum.ts";
import { addressOf, NANOGRAM, type Sent, START_UNIX_S, TestChain } from "../../src/testing/index.ts";

const [USER, FOG] = [addressOf("user"), addressOf("fog node")];
const MINTER = new PingoMinter(USER);
const DAY_SECONDS = 86_400;
/** Rent of a new contract for a year, and the notice of its first deposit. */
const STAND_NANOGRAM = 3_000_000n;
const NOTICE_NANOGRAM = 2_000_000n;
const DEPOSIT_NANO = 1_000n;

interface Opened {
  readonly address: Address;
  readonly init: StateInit;
}

const key = keyPairOfSeed(new Uint8Array(32).fill(7));
const parties = { minter: MINTER.address, user: USER, fog: FOG };
const channel = new Channel({
  ...parties,
  voucherKey: key.publicKey,
  disputeSeconds: DAY_SECONDS,
  salt: 1,
});
const escrow = new Escrow({
  ...parties,
  quorum: addressOf("quorum"),
  job: new Uint8Array(32),
  deadlineUnixS: START_UNIX_S + DAY_SECONDS,
  windowSeconds: DAY_SECONDS,
  resolveSeconds: DAY_SECONDS,
});
const voucher = signVoucher(key, channel.address, GLOBAL_ID.mainnet, 600n);
const costs = [
  await costOf("channel", channel, [encodeRedeem(voucher), encodeClose()]),
  await costOf("escrow", escrow, [encodeBill(600n, new Uint8Array(32)), encodeFinish()]),
];
process.stdout.write(JSON.stringify(costs));

async function costOf(name: string, at: Opened, settling: readonly Sent["body"][]) {
  const chain = await TestChain.start();
  const wallet = new PingoWallet(USER, MINTER.address);
  await chain.send({
    from: USER,
    to: MINTER.address,
    valueNanogram: NANOGRAM,
    init: MINTER.init,
    body: encodeGenesis([{ owner: USER, amountNano: PINGO_SUPPLY_NANO }]),
  });
  const deposit = { amountNano: DEPOSIT_NANO, to: at.address, excessesTo: USER };
  const openedGram = await spentGram(chain, [
    { from: USER, to: at.address, valueNanogram: STAND_NANOGRAM, init: at.init },
    {
      from: USER,
      to: wallet.address,
      valueNanogram: NANOGRAM,
      body: encodeTransfer({ ...deposit, forwardNanogram: NOTICE_NANOGRAM }),
    },
  ]);
  let settledGram = 0;
  for (const body of settling) {
    settledGram += await spentGram(chain, [{ from: FOG, to: at.address, valueNanogram: NANOGRAM, body }]);
    chain.advance(DAY_SECONDS);
  }
  const paidNano = await chain.open(new PingoWallet(FOG, MINTER.address)).getBalanceNano();
  if (paidNano !== 600n) throw new Error(`the fog node has ${paidNano} of 600`);
  return { name, openedGram, settledGram };
}

async function spentGram(chain: TestChain, messages: readonly Sent[]): Promise<number> {
  let spentNanogram = 0n;
  for (const sent of messages) {
    spentNanogram += sent.valueNanogram;
    for (const step of await chain.send(sent)) {
      if (step.to.equals(USER) || step.to.equals(FOG)) spentNanogram -= step.valueNanogram;
    }
  }
  return Number(spentNanogram) / Number(NANOGRAM);
}
