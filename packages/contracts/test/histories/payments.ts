/** Histories of what pays for work, and of vesting: channel, escrow, vault. */
import { keyPairOfSeed } from "@pingo/core";
import type { Address } from "@ton/core";
import {
  Channel,
  encodeClose,
  encodeFinish,
  encodePayOwed,
  encodeRedeem,
} from "../../src/channel/channel.ts";
import { Escrow, encodeBill, encodeDispute, encodeSettle } from "../../src/channel/escrow.ts";
import { signVoucher } from "../../src/channel/voucher.ts";
import { encodeTransfer } from "../../src/jetton/pingo-wallet.ts";
import { encodeOrder } from "../../src/quorum/order.ts";
import { GLOBAL_ID } from "../../src/quorum/quorum.ts";
import { addressOf, type Chain, NANOGRAM, START_UNIX_S } from "../../src/testing/index.ts";
import { encodeRelease, Vesting } from "../../src/vesting/vesting.ts";
import { ALICE, MALLORY, MINTER, SHARE_NANO, sendGenesis, transfer, walletOf } from "../genesis.ts";
import {
  bookedNano,
  expectSame,
  heldNano,
  type Move,
  message,
  type Story,
  strayMoves,
  tellOwner,
} from "./history.ts";

const FOG = addressOf("fog node");
const QUORUM = addressOf("quorum");
const HOUR_SECONDS = 3600;
const DEPOSIT_NANO = 1_000n;
const VOUCHER_KEY = keyPairOfSeed(new Uint8Array(32).fill(7));
const EVIDENCE = new Uint8Array(32).fill(3);

const CHANNEL = new Channel({
  minter: MINTER.address,
  user: ALICE,
  fog: FOG,
  voucherKey: VOUCHER_KEY.publicKey,
  disputeSeconds: HOUR_SECONDS,
  salt: 1,
});

async function open(chain: Chain, at: Channel | Escrow): Promise<void> {
  await sendGenesis(chain);
  await chain.send({ from: ALICE, to: at.address, valueNanogram: NANOGRAM / 100n, init: at.init });
  await transfer(chain, ALICE, {
    amountNano: DEPOSIT_NANO,
    to: at.address,
    forwardNanogram: NANOGRAM / 200n,
  });
}

async function ask(chain: Chain, from: Address, to: Address, body: ReturnType<typeof encodeFinish>) {
  return await chain.send({ from, to, valueNanogram: NANOGRAM, body });
}

/** More tokens, with a notice that always arrives. */
function depositTo(to: Address): Move {
  return (_chain, amount) => {
    const forward = { forwardNanogram: NANOGRAM / 200n, excessesTo: ALICE };
    const body = encodeTransfer({ amountNano: BigInt(amount), to, ...forward });
    return message(ALICE, walletOf(ALICE).address, body);
  };
}

export const channelStory: Story = {
  name: "channel",
  waitSeconds: HOUR_SECONDS,
  owners: [FOG, CHANNEL.address],
  contracts: [CHANNEL.address],
  moves: [
    (_chain, amount) => {
      const voucher = signVoucher(VOUCHER_KEY, CHANNEL.address, GLOBAL_ID.mainnet, BigInt(amount));
      return message(MALLORY, CHANNEL.address, encodeRedeem(voucher));
    },
    (_chain, _amount, isUser) => message(isUser ? ALICE : FOG, CHANNEL.address, encodeClose()),
    () => message(MALLORY, CHANNEL.address, encodeFinish()),
    () => message(MALLORY, CHANNEL.address, encodePayOwed()),
    depositTo(CHANNEL.address),
    ...strayMoves(CHANNEL.address),
  ],
  start: async (chain) => await open(chain, CHANNEL),
  check: async (chain) => {
    const view = await chain.open(CHANNEL).getView();
    const owedNano = view.owedToFogNano + view.owedToUserNano;
    const booksNano = view.depositedNano - view.redeemedNano + owedNano;
    expectSame(await bookedNano(chain, CHANNEL.address), booksNano, "held and books");
    expectSame((await heldNano(chain, FOG)) + view.owedToFogNano, view.redeemedNano, "the fog node's");
  },
  finish: async (chain) => {
    await tellOwner(chain, CHANNEL.address);
    await ask(chain, ALICE, CHANNEL.address, encodeClose());
    chain.advance(HOUR_SECONDS);
    await ask(chain, MALLORY, CHANNEL.address, encodeFinish());
    await ask(chain, MALLORY, CHANNEL.address, encodePayOwed());
    expectSame(await heldNano(chain, CHANNEL.address), 0n, "left in the channel");
  },
};

const ESCROW = new Escrow({
  minter: MINTER.address,
  user: ALICE,
  fog: FOG,
  quorum: QUORUM,
  job: new Uint8Array(32).fill(1),
  deadlineUnixS: START_UNIX_S + 3 * HOUR_SECONDS,
  windowSeconds: HOUR_SECONDS,
  resolveSeconds: HOUR_SECONDS,
});

export const escrowStory: Story = {
  name: "escrow",
  waitSeconds: HOUR_SECONDS,
  owners: [FOG, ESCROW.address],
  contracts: [ESCROW.address],
  moves: [
    (_chain, amount, isAll) =>
      message(FOG, ESCROW.address, encodeBill(isAll ? BigInt(amount) : BigInt(amount % 3), EVIDENCE)),
    (_chain, _amount, isUser) => message(isUser ? ALICE : MALLORY, ESCROW.address, encodeDispute()),
    (_chain, amount) => message(QUORUM, ESCROW.address, encodeOrder(encodeSettle(BigInt(amount)), MALLORY)),
    (_chain, _amount, isUser) => message(isUser ? ALICE : MALLORY, ESCROW.address, encodeFinish()),
    () => message(MALLORY, ESCROW.address, encodePayOwed()),
    depositTo(ESCROW.address),
    ...strayMoves(ESCROW.address),
  ],
  start: async (chain) => await open(chain, ESCROW),
  check: async (chain) => {
    const view = await chain.open(ESCROW).getView();
    expectSame(await bookedNano(chain, ESCROW.address), view.depositedNano + view.owedNano, "held and books");
  },
  finish: async (chain) => {
    await tellOwner(chain, ESCROW.address);
    chain.advance(4 * HOUR_SECONDS);
    await ask(chain, MALLORY, ESCROW.address, encodeFinish());
    await ask(chain, MALLORY, ESCROW.address, encodePayOwed());
    expectSame(await heldNano(chain, ESCROW.address), 0n, "left in the escrow");
    const { billedNano } = await chain.open(ESCROW).getView();
    expectSame(await heldNano(chain, FOG), billedNano, "the fog node's");
  },
};

const INVESTOR = addressOf("investor");
const VAULT = new Vesting({
  minter: MINTER.address,
  owner: INVESTOR,
  totalNano: DEPOSIT_NANO,
  startUnixS: START_UNIX_S,
  cliffSeconds: HOUR_SECONDS,
  durationSeconds: 10 * HOUR_SECONDS,
  stepSeconds: HOUR_SECONDS,
});

export const vestingStory: Story = {
  name: "vesting",
  waitSeconds: HOUR_SECONDS,
  owners: [INVESTOR, VAULT.address],
  contracts: [VAULT.address],
  moves: [
    (chain, _amount, isWaited) => {
      if (isWaited) chain.advance(HOUR_SECONDS);
      return message(MALLORY, VAULT.address, encodeRelease());
    },
    (_chain, amount) => {
      const body = encodeTransfer({ amountNano: BigInt(amount), to: MALLORY, excessesTo: MALLORY });
      return message(MALLORY, walletOf(VAULT.address).address, body);
    },
    ...strayMoves(VAULT.address),
    depositTo(VAULT.address),
  ],
  start: async (chain) => {
    await sendGenesis(chain, [{ owner: VAULT.address, amountNano: DEPOSIT_NANO }]);
    await chain.send({ from: ALICE, to: VAULT.address, valueNanogram: NANOGRAM / 100n, init: VAULT.init });
  },
  check: async (chain) => {
    const releasedNano = await chain.open(VAULT).getReleasedNano();
    expectSame(await heldNano(chain, INVESTOR), releasedNano, "the owner's");
    const vestedNano = await chain.open(VAULT).getVestedNano(chain.nowUnixS);
    if (releasedNano > vestedNano) throw new Error(`${releasedNano} released of ${vestedNano} vested`);
  },
  finish: async (chain) => {
    await tellOwner(chain, VAULT.address);
    chain.advance(10 * HOUR_SECONDS);
    await ask(chain, MALLORY, VAULT.address, encodeRelease());
    expectSame(await heldNano(chain, VAULT.address), 0n, "left in the vault");
    const givenNano = 2n * SHARE_NANO - (await heldNano(chain, ALICE));
    expectSame(await heldNano(chain, INVESTOR), givenNano, "the owner's, with what was given besides");
  },
};
