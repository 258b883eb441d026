import { Address, beginCell, Dictionary } from "@ton/core";
import { JettonMaster, JettonWallet } from "@ton/ton";
import { afterAll, beforeEach, expect, test } from "vitest";
import {
  encodeGenesis,
  encodeProvideWalletAddress,
  encodeRedeliver,
  PINGO_SUPPLY_NANO,
  PingoMinter,
  TAKE_WALLET_ADDRESS_OP,
} from "../src/jetton/pingo-minter.ts";
import {
  BURN_OP,
  EXCESSES_OP,
  encodeTellOwner,
  encodeTransfer,
  INTERNAL_TRANSFER_OP,
  LATE_NOTICE_OP,
  PingoWallet,
  pingoWalletCode,
  TRANSFER_NOTIFICATION_OP,
  TRANSFER_OP,
  TRANSFER_RETURNED_OP,
} from "../src/jetton/pingo-wallet.ts";
import { addressOf, LooseChain, NANOGRAM, TestChain } from "../src/testing/index.ts";
import { expectCovered, startCoveredChain } from "./coverage.ts";
import { expectGas } from "./gas.ts";
import {
  ALICE,
  BOB,
  balanceNano,
  CAROL,
  DEPLOYER,
  MALLORY,
  MINTER,
  SHARE_NANO,
  sendGenesis,
  transfer,
  walletOf,
} from "./genesis.ts";

let chain: TestChain;

beforeEach(async () => {
  chain = await startCoveredChain();
});

afterAll(() => expectCovered("pingo-minter", "pingo-wallet"));

async function supplyHeldNano(): Promise<bigint> {
  let sumNano = 0n;
  for (const owner of [ALICE, BOB, CAROL, MALLORY, addressOf("new owner")]) {
    sumNano += await balanceNano(chain, owner);
  }
  return sumNano;
}

function internalTransfer(amountNano: bigint, from: Address | null) {
  return beginCell()
    .storeUint(INTERNAL_TRANSFER_OP, 32)
    .storeUint(7, 64)
    .storeCoins(amountNano)
    .storeAddress(from)
    .storeAddress(MALLORY)
    .storeCoins(0)
    .storeBit(false)
    .endCell();
}

test("genesis writes the whole supply into the allocations, and closes minting for good", async () => {
  const steps = await sendGenesis(chain);
  expectGas("pingo-minter: genesis of three", steps[0]);
  expect(await chain.open(MINTER).getTotalSupplyNano()).toBe(PINGO_SUPPLY_NANO);
  expect(await chain.open(MINTER).getIsMintable()).toBe(false);
  expect(await balanceNano(chain, ALICE)).toBe(2n * SHARE_NANO);
  expect(await supplyHeldNano()).toBe(PINGO_SUPPLY_NANO);
  const again = await sendGenesis(chain);
  expect(again[0]?.exitCode).toBe(208);
  expect(again.at(-1)?.isBounced).toBe(true);
  expect(await supplyHeldNano()).toBe(PINGO_SUPPLY_NANO);
});

test("genesis is refused from strangers, with another sum, too many allocations, or too little GRAM", async () => {
  const whole = [{ owner: ALICE, amountNano: PINGO_SUPPLY_NANO }];
  const many = Array.from({ length: 33 }, (_, n) => ({ owner: addressOf(`owner ${n}`), amountNano: 1n }));
  const outside = [{ owner: new Address(-1, ALICE.hash), amountNano: PINGO_SUPPLY_NANO }];
  const from = DEPLOYER;
  for (const [sender, allocations, valueNanogram, exitCode] of [
    [MALLORY, whole, NANOGRAM, 207],
    [from, [{ owner: ALICE, amountNano: PINGO_SUPPLY_NANO - 1n }], NANOGRAM, 209],
    [from, [...whole, { owner: BOB, amountNano: 1n }], NANOGRAM, 209],
    [from, [], NANOGRAM, 209],
    [from, many, NANOGRAM, 212],
    [from, outside, NANOGRAM, 204],
    [from, whole, NANOGRAM / 100n, 202],
  ] as const) {
    const body = encodeGenesis(allocations);
    const steps = await chain.send({
      from: sender,
      to: MINTER.address,
      valueNanogram,
      init: MINTER.init,
      body,
    });
    expect(steps[0]?.exitCode).toBe(exitCode);
  }
  expect(await chain.open(MINTER).getIsMintable()).toBe(true);
  expect(await chain.open(MINTER).getTotalSupplyNano()).toBe(0n);
});

test("an allocation whose wallet could not take it waits, and anyone can send it again", async () => {
  await sendGenesis(chain);
  const wallet = walletOf(addressOf("new owner")).address;
  const bounced = beginCell().storeUint(0xffffffff, 32).storeUint(INTERNAL_TRANSFER_OP, 32).storeUint(0, 64);
  for (const amountNano of [5n, 6n]) {
    const body = beginCell().storeBuilder(bounced).storeCoins(amountNano).endCell();
    await chain.send({ from: wallet, to: MINTER.address, valueNanogram: NANOGRAM, isBounced: true, body });
  }
  expect(await chain.open(MINTER).getUndeliveredNanoByWallet()).toEqual(
    new Map([[wallet.toRawString(), 11n]]),
  );

  const poor = await redeliver(NANOGRAM / 1000n);
  expect(poor[0]?.exitCode).toBe(202);
  const steps = await redeliver(NANOGRAM);
  expectGas("pingo-minter: redeliver", steps[0]);
  expect(await balanceNano(chain, addressOf("new owner"))).toBe(11n);
  expect((await redeliver(NANOGRAM))[0]?.exitCode).toBe(210);
  expect(await chain.open(MINTER).getUndeliveredNanoByWallet()).toEqual(new Map());

  async function redeliver(valueNanogram: bigint) {
    const body = encodeRedeliver(addressOf("new owner"));
    return await chain.send({ from: BOB, to: MINTER.address, valueNanogram, body });
  }
});

test("a bounce of anything else changes nothing at the minter or a wallet", async () => {
  await sendGenesis(chain);
  const body = beginCell()
    .storeUint(0xffffffff, 32)
    .storeUint(EXCESSES_OP, 32)
    .storeUint(0, 64)
    .storeCoins(9);
  for (const [to, exitCode] of [
    [MINTER.address, 65535],
    [walletOf(ALICE).address, 63],
  ] as const) {
    const [step] = await chain.send({
      from: BOB,
      to,
      valueNanogram: NANOGRAM,
      isBounced: true,
      body: body.endCell(),
    });
    expect(step?.exitCode).toBe(exitCode);
  }
  expect(await supplyHeldNano()).toBe(PINGO_SUPPLY_NANO);
});

test("a transfer moves tokens, tells the receiver, and returns the GRAM that is left", async () => {
  await sendGenesis(chain);
  const to = addressOf("new owner");
  const payload = beginCell().storeUint(42, 32).endCell();
  const body = { amountNano: 5n, to, forwardNanogram: 1000n, forwardPayload: payload, queryId: 9n };
  const steps = await transfer(chain, ALICE, body);
  expectGas("pingo-wallet: transfer", steps[0]);
  expectGas("pingo-wallet: receive, with notification", steps[1]);
  expect(await balanceNano(chain, ALICE)).toBe(2n * SHARE_NANO - 5n);
  expect(await balanceNano(chain, to)).toBe(5n);

  const notification = steps.find((step) => step.op === TRANSFER_NOTIFICATION_OP);
  const read = notification?.body.beginParse().skip(32);
  expect(notification?.to.equals(to)).toBe(true);
  expect(read?.loadUintBig(64)).toBe(9n);
  expect(read?.loadCoins()).toBe(5n);
  expect(read?.loadAddress().equals(ALICE)).toBe(true);
  expect(read?.loadMaybeRef()?.equals(payload)).toBe(true);

  const excesses = steps.find((step) => step.op === EXCESSES_OP);
  expect(excesses?.to.equals(ALICE)).toBe(true);
  expect(excesses?.valueNanogram).toBeGreaterThan((NANOGRAM * 99n) / 200n);
});

test("a transfer of everything, of nothing, to oneself, and without a place for what is left", async () => {
  await sendGenesis(chain);
  await transfer(chain, BOB, { amountNano: SHARE_NANO, to: CAROL });
  await transfer(chain, CAROL, { amountNano: 0n, to: ALICE });
  await transfer(chain, CAROL, { amountNano: 7n, to: CAROL });
  const body = encodeTransfer({ amountNano: 1n, to: ALICE, excessesTo: null });
  await chain.send({ from: CAROL, to: walletOf(CAROL).address, valueNanogram: NANOGRAM, body });
  expect(await balanceNano(chain, BOB)).toBe(0n);
  expect(await balanceNano(chain, CAROL)).toBe(2n * SHARE_NANO - 1n);
  expect(await supplyHeldNano()).toBe(PINGO_SUPPLY_NANO);
});

test("a transfer is refused from strangers, of more than there is, out of the basechain, without its last bit", async () => {
  await sendGenesis(chain);
  const to = walletOf(ALICE).address;
  const transferOf = (amountNano: bigint, receiver: Address) =>
    encodeTransfer({ amountNano, to: receiver, excessesTo: ALICE });
  const short = beginCell().storeUint(TRANSFER_OP, 32).storeUint(0, 64).storeCoins(1);
  const shortBody = short.storeAddress(BOB).storeAddress(BOB).storeBit(false).storeCoins(0).endCell();
  for (const [from, body, exitCode] of [
    [MALLORY, transferOf(1n, MALLORY), 201],
    [ALICE, transferOf(2n * SHARE_NANO + 1n, BOB), 203],
    [ALICE, transferOf(1n, new Address(-1, BOB.hash)), 204],
    [ALICE, shortBody, 211],
    [ALICE, beginCell().storeUint(TRANSFER_OP, 32).endCell(), 9],
    [ALICE, beginCell().storeUint(0xdeadbeef, 32).endCell(), 65535],
    [ALICE, beginCell().storeUint(BURN_OP, 32).storeUint(0, 64).storeCoins(1).storeUint(0, 3).endCell(), 206],
  ] as const) {
    const steps = await chain.send({ from, to, valueNanogram: NANOGRAM, body });
    expect(steps[0]?.exitCode).toBe(exitCode);
    expect(steps.at(-1)?.isBounced).toBe(true);
  }
  expect(await balanceNano(chain, ALICE)).toBe(2n * SHARE_NANO);
});

test("tokens come only from wallets of this minter, whatever code or sender claims otherwise", async () => {
  await sendGenesis(chain);
  const to = walletOf(ALICE).address;
  const foreign = new PingoMinter(MALLORY);
  const foreignWallet = new PingoWallet(MALLORY, foreign.address).address;
  for (const [from, claimed] of [
    [MALLORY, MALLORY],
    [MALLORY, null],
    [foreignWallet, MALLORY],
    [foreign.address, null],
    [walletOf(addressOf("nobody")).address, CAROL],
    [ALICE, ALICE],
  ] as const) {
    const body = internalTransfer(1_000n, claimed);
    const steps = await chain.send({ from, to, valueNanogram: NANOGRAM, body });
    expect(steps[0]?.exitCode).toBe(205);
  }
  expect(await supplyHeldNano()).toBe(PINGO_SUPPLY_NANO);
});

test("whatever GRAM is attached, a transfer arrives whole or is refused at its first contract", async () => {
  chain = await TestChain.start();
  await sendGenesis(chain);
  for (const forwardNanogram of [0n, 1n, 3_000_000n]) {
    for (let valueNanogram = 200_000n; valueNanogram < 8_000_000n; valueNanogram += 100_000n) {
      const to = addressOf(`cut at ${valueNanogram} ${forwardNanogram}`);
      const before = await balanceNano(chain, ALICE);
      const steps = await transfer(chain, ALICE, { amountNano: 3n, to, forwardNanogram }, valueNanogram);
      const after = await balanceNano(chain, ALICE);
      if (steps[0]?.isAborted) {
        expect(after).toBe(before);
      } else {
        expect(after).toBe(before - 3n);
        expect(await balanceNano(chain, to)).toBe(3n);
        expect(steps.some((step) => step.isAborted && step.exitCode !== null)).toBe(false);
        expect(steps.some((step) => step.op === TRANSFER_NOTIFICATION_OP)).toBe(forwardNanogram > 0n);
        expect(await chain.balanceNanogram(walletOf(to).address)).toBeGreaterThan(0n);
      }
    }
  }
});

test("tokens that a wallet could not take are the owner's again, and so is the GRAM", async () => {
  await sendGenesis(chain);
  const steps = await transfer(chain, ALICE, { amountNano: 3n, to: BOB });
  const [, received] = steps;
  expect(received?.exitCode).toBe(0);
  const loose = new LooseChain(chain);
  const payload = beginCell().storeUint(42, 32).endCell();
  const sent = { queryId: 5n, amountNano: 4n, to: BOB, excessesTo: CAROL, forwardPayload: payload };
  const body = encodeTransfer(sent);
  loose.post({ from: ALICE, to: walletOf(ALICE).address, valueNanogram: NANOGRAM, body });
  const back = await loose.drain(INTERNAL_TRANSFER_OP);
  expectGas("pingo-wallet: bounce", back[1]);
  expect(await balanceNano(chain, ALICE)).toBe(2n * SHARE_NANO - 3n);
  expect(back[2]?.to.equals(ALICE)).toBe(true);
  expect(back[2]?.valueNanogram).toBeGreaterThan((NANOGRAM * 9n) / 10n);
  const read = back[2]?.body.beginParse();
  expect(read?.loadUint(32)).toBe(TRANSFER_RETURNED_OP);
  expect(read?.loadUintBig(64)).toBe(5n);
  expect(read?.loadCoins()).toBe(4n);
  expect(read?.loadAddress().equals(CAROL)).toBe(true);
});

test("GRAM without words tops up a contract; unknown messages are refused", async () => {
  await sendGenesis(chain);
  for (const to of [MINTER.address, walletOf(ALICE).address]) {
    const before = await chain.balanceNanogram(to);
    const [step] = await chain.send({ from: MALLORY, to, valueNanogram: NANOGRAM });
    expect(step?.exitCode).toBe(0);
    expect(await chain.balanceNanogram(to)).toBeGreaterThan(before + (NANOGRAM * 9n) / 10n);
    for (const op of [0, 1, 0xd53276db, 0x178d4518]) {
      const body = beginCell().storeUint(op, 32).storeUint(0, 64).endCell();
      expect((await chain.send({ from: MALLORY, to, valueNanogram: NANOGRAM, body }))[0]?.exitCode).toBe(
        65535,
      );
    }
  }
});

test("the minter tells where a wallet is, and that there is none outside the basechain", async () => {
  await sendGenesis(chain);
  for (const owner of [BOB, new Address(-1, BOB.hash)]) {
    const body = encodeProvideWalletAddress(owner, 3n);
    const steps = await chain.send({ from: MALLORY, to: MINTER.address, valueNanogram: NANOGRAM, body });
    if (owner.equals(BOB)) expectGas("pingo-minter: provide wallet address", steps[0]);
    const answer = steps[1]?.body.beginParse();
    expect(answer?.loadUint(32)).toBe(TAKE_WALLET_ADDRESS_OP);
    expect(answer?.loadUintBig(64)).toBe(3n);
    const wallet = owner.workChain === 0 ? walletOf(owner).address.toRawString() : undefined;
    expect(answer?.loadMaybeAddress()?.toRawString()).toBe(wallet);
    expect(answer?.loadMaybeRef()?.beginParse().loadAddress().toRawString()).toBe(owner.toRawString());
  }
});

test("@ton/ton reads the token and its balances", async () => {
  await sendGenesis(chain);
  const master = chain.open(JettonMaster.create(MINTER.address));
  const jetton = await master.getJettonData();
  expect(jetton.totalSupply).toBe(PINGO_SUPPLY_NANO);
  expect(jetton.mintable).toBe(false);
  expect(jetton.adminAddress.toRawString()).toBe(`0:${"0".repeat(64)}`);
  expect(jetton.walletCode.equals(pingoWalletCode())).toBe(true);
  const wallet = await master.getWalletAddress(ALICE);
  expect(wallet.equals(walletOf(ALICE).address)).toBe(true);
  expect(await chain.open(JettonWallet.create(wallet)).getBalance()).toBe(2n * SHARE_NANO);
  const view = await chain.open(walletOf(ALICE)).getView();
  expect([view.owner.equals(ALICE), view.minter.equals(MINTER.address)]).toEqual([true, true]);

  const content = jetton.content.beginParse();
  expect(content.loadUint(8)).toBe(0);
  const fields = content.loadDict(Dictionary.Keys.Buffer(32), Dictionary.Values.Cell());
  const texts = [...fields.values()].map((cell) => textOf(cell));
  expect(texts).toContain("PINGO");
  expect(texts).toContain("9");
  expect(texts.some((text) => text.endsWith("</svg>"))).toBe(true);

  function textOf(cell: ReturnType<typeof beginCell>["endCell"] extends () => infer C ? C : never): string {
    let text = "";
    for (let at: typeof cell | undefined = cell; at; at = at.refs[0])
      text += at.beginParse().loadStringTail().split("\0").at(-1);
    return text;
  }
});

test("what no notice told of is told when somebody pays for it, to an owner that keeps books", async () => {
  await sendGenesis(chain);
  const bookkeeper = addressOf("bookkeeper");
  await transfer(chain, ALICE, { amountNano: 9n, to: bookkeeper, forwardNanogram: 1n });
  await transfer(chain, ALICE, { amountNano: 1n, to: bookkeeper });
  const { address: to } = walletOf(bookkeeper);
  const tell = async (valueNanogram: bigint) =>
    await chain.send({ from: MALLORY, to, valueNanogram, body: encodeTellOwner() });
  expect((await tell(NANOGRAM / 1000n))[0]?.exitCode).toBe(202);
  const steps = await tell(NANOGRAM / 50n);
  expect(steps[1]?.op).toBe(LATE_NOTICE_OP);
  expect(steps[1]?.body.beginParse().skip(96).skip(267).loadCoins()).toBe(10n);
  // Nobody is there, so it can be told again.
  expectGas("pingo-wallet: tell again", steps[2]);
  expect(await chain.open(walletOf(bookkeeper)).getUntoldNano()).toBe(10n);
  expect(
    (
      await chain.send({
        from: MALLORY,
        to: walletOf(ALICE).address,
        valueNanogram: NANOGRAM,
        body: encodeTellOwner(),
      })
    )[0]?.exitCode,
  ).toBe(213);
});

test("a notice that finds no code is untold, and one that its owner's code refuses sends the tokens back", async () => {
  await sendGenesis(chain);
  const person = addressOf("person");
  const steps = await transfer(chain, ALICE, {
    amountNano: 9n,
    to: person,
    forwardNanogram: NANOGRAM / 200n,
  });
  expectGas(
    "pingo-wallet: notice without a reader",
    steps.find((step) => step.isBounced),
  );
  expect(await chain.open(walletOf(person)).getUntoldNano()).toBe(9n);
  expect(await chain.balanceNanogram(person)).toBeGreaterThan(NANOGRAM / 250n);
  await transfer(chain, ALICE, { amountNano: 9n, to: MINTER.address, forwardNanogram: NANOGRAM / 200n });
  expect(await balanceNano(chain, MINTER.address)).toBe(0n);
  expect(await balanceNano(chain, ALICE)).toBe(2n * SHARE_NANO - 9n);
});
