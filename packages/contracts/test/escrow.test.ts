import { type Address, beginCell, type Cell } from "@ton/core";
import { afterAll, beforeEach, expect, test } from "vitest";
import { encodeFinish, encodePayOwed } from "../src/channel/channel.ts";
import { Escrow, encodeBill, encodeDispute, encodeSettle } from "../src/channel/escrow.ts";
import { PingoMinter } from "../src/jetton/pingo-minter.ts";
import {
  EXCESSES_OP,
  INTERNAL_TRANSFER_OP,
  PingoWallet,
  TRANSFER_NOTIFICATION_OP,
  TRANSFER_RETURNED_OP,
} from "../src/jetton/pingo-wallet.ts";
import { addressOf, LooseChain, NANOGRAM, START_UNIX_S, type Step, TestChain } from "../src/testing/index.ts";
import { expectCovered, startCoveredChain } from "./coverage.ts";
import { expectGas } from "./gas.ts";
import {
  ALICE,
  balanceNano,
  MALLORY,
  MINTER,
  SHARE_NANO,
  sendGenesis,
  transfer,
  transferReturned,
  walletOf,
} from "./genesis.ts";
import { deployQuorum, orderByQuorum, QUORUM, RELAYER } from "./quorum-of.ts";

const FOG = addressOf("fog node");
const DAY_SECONDS = 24 * 3600;
const DEPOSIT_NANO = 1_000n;
const EVIDENCE = new Uint8Array(32).fill(3);
const ESCROW = new Escrow({
  minter: MINTER.address,
  user: ALICE,
  fog: FOG,
  quorum: QUORUM.address,
  job: new Uint8Array(32).fill(9),
  deadlineUnixS: START_UNIX_S + 7 * DAY_SECONDS,
  windowSeconds: DAY_SECONDS,
  resolveSeconds: 3 * DAY_SECONDS,
});
/** 0.01 GRAM: what opening an escrow, and settling it, may cost. */
const STEP_NANOGRAM_MAX = 10_000_000n;

let chain: TestChain;

beforeEach(async () => {
  chain = await startCoveredChain();
  await sendGenesis(chain);
  await deployQuorum(chain);
  await chain.send({ from: ALICE, to: ESCROW.address, valueNanogram: 5_000_000n, init: ESCROW.init });
  await deposit(DEPOSIT_NANO);
});

afterAll(() => expectCovered("escrow"));

async function deposit(amountNano: bigint) {
  return await transfer(chain, ALICE, { amountNano, to: ESCROW.address, forwardNanogram: NANOGRAM / 500n });
}

async function ask(from: Address, body: Cell, valueNanogram = NANOGRAM) {
  return await chain.send({ from, to: ESCROW.address, valueNanogram, body });
}

async function code(from: Address, body: Cell) {
  return (await ask(from, body))[0]?.exitCode;
}

async function view() {
  return await chain.open(ESCROW).getView();
}

async function expectPaid(toFogNano: bigint) {
  expect(await balanceNano(chain, FOG)).toBe(toFogNano);
  expect(await balanceNano(chain, ALICE)).toBe(2n * SHARE_NANO - toFogNano);
  expect(await view()).toMatchObject({
    phase: "closed",
    depositedNano: 0n,
    billedNano: toFogNano,
    owedNano: 0n,
  });
  expect(await code(MALLORY, encodeFinish())).toBe(280);
  expect(await code(MALLORY, encodePayOwed())).toBe(243);
}

function spentNanogram(steps: readonly Step[], payer: Address, attachedNanogram: bigint): bigint {
  const back = steps
    .filter((step) => step.to.equals(payer))
    .reduce((sum, step) => sum + step.valueNanogram, 0n);
  return attachedNanogram - back;
}

test("opening and funding an escrow costs less than 0.01 GRAM, and so does settling it", async () => {
  const fresh = await TestChain.start();
  await sendGenesis(fresh);
  const send = async (from: Address, body: Cell | undefined, valueNanogram: bigint) =>
    await fresh.send({ from, to: ESCROW.address, valueNanogram, body, init: ESCROW.init });
  const opened = spentNanogram(await send(ALICE, undefined, 3_000_000n), ALICE, 3_000_000n);
  const funding = await transfer(fresh, ALICE, {
    amountNano: 5n,
    to: ESCROW.address,
    forwardNanogram: NANOGRAM / 500n,
  });
  expect(opened + spentNanogram(funding, ALICE, NANOGRAM / 2n)).toBeLessThanOrEqual(STEP_NANOGRAM_MAX);
  const billed = spentNanogram(await send(FOG, encodeBill(3n, EVIDENCE), NANOGRAM), FOG, NANOGRAM);
  fresh.advance(DAY_SECONDS);
  const finished = spentNanogram(await send(FOG, encodeFinish(), NANOGRAM), FOG, NANOGRAM);
  expect(await balanceNano(fresh, FOG)).toBe(3n);
  expect(billed + finished).toBeLessThanOrEqual(STEP_NANOGRAM_MAX);
});

test("tokens of another minter, or a stranger's word for a deposit, are refused", async () => {
  const note = beginCell().storeUint(TRANSFER_NOTIFICATION_OP, 32).storeUint(0, 64).storeCoins(500);
  const body = note.storeAddress(MALLORY).storeBit(false).endCell();
  const foreign = new PingoWallet(ESCROW.address, new PingoMinter(MALLORY).address).address;
  for (const from of [MALLORY, foreign, walletOf(ALICE).address, MINTER.address])
    expect(await code(from, body)).toBe(205);
  const steps = await deposit(5n);
  expectGas(
    "escrow: deposit",
    steps.find((step) => step.op === TRANSFER_NOTIFICATION_OP),
  );
  expect(await view()).toMatchObject({ phase: "open", depositedNano: DEPOSIT_NANO + 5n });
});

test("a bill that nobody disputes is paid after its window, the rest is the user's", async () => {
  expect(await code(ALICE, encodeBill(1n, EVIDENCE))).toBe(201);
  expect(await code(FOG, encodeBill(DEPOSIT_NANO + 1n, EVIDENCE))).toBe(203);
  expectGas("escrow: bill", (await ask(FOG, encodeBill(600n, EVIDENCE)))[0]);
  expect(await view()).toMatchObject({ phase: "billed", billedNano: 600n });
  expect(await code(FOG, encodeBill(700n, EVIDENCE))).toBe(280);
  expect(await code(FOG, encodeFinish())).toBe(252);
  chain.advance(DAY_SECONDS);
  expect(await code(ALICE, encodeDispute())).toBe(249);
  expectGas("escrow: finish", (await ask(MALLORY, encodeFinish()))[0]);
  await expectPaid(600n);
});

test("the user accepts a bill at once; the fog node that used nothing gives all back at once", async () => {
  const billed = chain.blockchain.snapshot();
  await ask(FOG, encodeBill(600n, EVIDENCE));
  await ask(ALICE, encodeFinish());
  await expectPaid(600n);
  await chain.blockchain.loadFrom(billed);
  await ask(FOG, encodeBill(0n, EVIDENCE));
  await expectPaid(0n);
});

test("no bill by the deadline, and everything is the user's again, whoever asks", async () => {
  expect(await code(ALICE, encodeFinish())).toBe(252);
  chain.advance(7 * DAY_SECONDS);
  expect(await code(FOG, encodeBill(1n, EVIDENCE))).toBe(223);
  await ask(MALLORY, encodeFinish());
  await expectPaid(0n);
});

test("a disputed bill is the quorum's to settle, up to what was billed; a silent one leaves all to the user", async () => {
  expect(await code(ALICE, encodeDispute())).toBe(249);
  await ask(FOG, encodeBill(600n, EVIDENCE));
  const settle = async (amountNano: bigint) =>
    await orderByQuorum(chain, ESCROW.address, encodeSettle(amountNano));
  expect((await settle(500n))[1]?.exitCode).toBe(251);
  expect(await code(FOG, encodeDispute())).toBe(201);
  expectGas("escrow: dispute", (await ask(ALICE, encodeDispute()))[0]);
  expect(await code(ALICE, encodeFinish())).toBe(252);
  expect((await settle(601n))[1]?.exitCode).toBe(203);
  const forged = beginCell()
    .storeUint(0x50470100, 32)
    .storeUint(0, 64)
    .storeAddress(FOG)
    .storeRef(encodeSettle(600n));
  expect(await code(FOG, forged.endCell())).toBe(220);
  const disputed = chain.blockchain.snapshot();
  const steps = await settle(500n);
  expectGas("escrow: settle", steps[1]);
  expect(steps.some((step) => step.op === EXCESSES_OP && step.to.equals(RELAYER))).toBe(true);
  await expectPaid(500n);
  await chain.blockchain.loadFrom(disputed);
  chain.advance(3 * DAY_SECONDS);
  await ask(MALLORY, encodeFinish());
  await expectPaid(0n);
});

test("tokens that the wallet could not send stay owed, and a deposit after the end is the user's", async () => {
  await ask(FOG, encodeBill(600n, EVIDENCE));
  const loose = new LooseChain(chain);
  loose.post({ from: ALICE, to: ESCROW.address, valueNanogram: NANOGRAM, body: encodeFinish() });
  await loose.step(0, false);
  await loose.step(0, true);
  await loose.step(0, true);
  const bounced = (await loose.drain()).find((step) => step.isBounced && step.to.equals(ESCROW.address));
  expectGas("escrow: bounce", bounced);
  expect(await view()).toMatchObject({ owedNano: DEPOSIT_NANO });
  await deposit(50n);
  expect(await view()).toMatchObject({ owedNano: DEPOSIT_NANO + 50n });
  expectGas("escrow: pay owed", (await ask(MALLORY, encodePayOwed()))[0]);
  await expectPaid(600n);
});

test("tokens that the receivers' wallets could not take stay owed too; nobody else says that tokens returned", async () => {
  await ask(FOG, encodeBill(600n, EVIDENCE));
  const loose = new LooseChain(chain);
  loose.post({ from: ALICE, to: ESCROW.address, valueNanogram: NANOGRAM, body: encodeFinish() });
  const steps = await loose.drain(INTERNAL_TRANSFER_OP);
  expectGas(
    "escrow: take back",
    steps.find((step) => step.op === TRANSFER_RETURNED_OP),
  );
  expect(await view()).toMatchObject({ owedNano: DEPOSIT_NANO });
  expect(await code(walletOf(FOG).address, transferReturned(600n, FOG))).toBe(205);
  await ask(MALLORY, encodePayOwed());
  await expectPaid(600n);
});

test("whatever GRAM is attached, a settlement is paid whole or refused", async () => {
  await ask(FOG, encodeBill(300n, EVIDENCE));
  const billed = chain.blockchain.snapshot();
  const outcomes = new Set<boolean>();
  for (let valueNanogram = 1_000_000n; valueNanogram < 26_000_000n; valueNanogram += 1_000_000n) {
    await chain.blockchain.loadFrom(billed);
    const isDone = !(await ask(ALICE, encodeFinish(), valueNanogram))[0]?.isAborted;
    outcomes.add(isDone);
    expect(await balanceNano(chain, FOG)).toBe(isDone ? 300n : 0n);
    expect(await balanceNano(chain, ALICE)).toBe(2n * SHARE_NANO - (isDone ? 300n : DEPOSIT_NANO));
  }
  expect(outcomes.size).toBe(2);
});

test("unknown messages are refused; what is left over and GRAM without words are kept", async () => {
  expect(await code(MALLORY, beginCell().storeUint(5, 32).storeUint(0, 64).endCell())).toBe(65535);
  expect(await code(MALLORY, beginCell().storeUint(EXCESSES_OP, 32).storeUint(0, 64).endCell())).toBe(0);
  expect(await code(MALLORY, beginCell().endCell())).toBe(0);
});
