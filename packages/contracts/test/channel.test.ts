import { keyPairOfSeed } from "@pingo/core";
import { type Address, beginCell, type Cell } from "@ton/core";
import fc from "fast-check";
import { afterAll, beforeEach, expect, test } from "vitest";
import { Channel, encodeClose, encodeFinish, encodePayOwed, encodeRedeem } from "../src/channel/channel.ts";
import { signVoucher, VoucherDesk, VoucherError } from "../src/channel/voucher.ts";
import { PingoMinter } from "../src/jetton/pingo-minter.ts";
import {
  EXCESSES_OP,
  INTERNAL_TRANSFER_OP,
  PingoWallet,
  TRANSFER_NOTIFICATION_OP,
  TRANSFER_RETURNED_OP,
} from "../src/jetton/pingo-wallet.ts";
import { GLOBAL_ID } from "../src/quorum/quorum.ts";
import { addressOf, LooseChain, NANOGRAM, type Step, TestChain } from "../src/testing/index.ts";
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

const FOG = addressOf("fog node");
const VOUCHER_KEY = keyPairOfSeed(new Uint8Array(32).fill(7));
const HOUR_SECONDS = 3600;
const DEPOSIT_NANO = 1_000n;
const TERMS = {
  minter: MINTER.address,
  user: ALICE,
  fog: FOG,
  voucherKey: VOUCHER_KEY.publicKey,
  disputeSeconds: HOUR_SECONDS,
  salt: 1,
};
const CHANNEL = new Channel(TERMS);
const GLOBAL = GLOBAL_ID.mainnet;
/** 0.01 GRAM: what opening a channel, and settling it, may cost. */
const STEP_NANOGRAM_MAX = 10_000_000n;

let chain: TestChain;

beforeEach(async () => {
  chain = await startCoveredChain();
  await open(chain);
});

afterAll(() => expectCovered("channel"));

async function open(on: TestChain): Promise<readonly Step[]> {
  await sendGenesis(on);
  await on.send({ from: ALICE, to: CHANNEL.address, valueNanogram: NANOGRAM / 100n, init: CHANNEL.init });
  return await deposit(on, DEPOSIT_NANO);
}

async function deposit(on: TestChain, amountNano: bigint): Promise<readonly Step[]> {
  return await transfer(on, ALICE, { amountNano, to: CHANNEL.address, forwardNanogram: NANOGRAM / 200n });
}

async function ask(from: Address, body: Cell, valueNanogram = NANOGRAM) {
  return await chain.send({ from, to: CHANNEL.address, valueNanogram, body });
}

function voucher(cumulativeNano: bigint, channel = CHANNEL.address, globalId: number = GLOBAL) {
  return encodeRedeem(signVoucher(VOUCHER_KEY, channel, globalId, cumulativeNano));
}

async function view() {
  return await chain.open(CHANNEL).getView();
}

/** What the sender of a message paid for all that followed. */
function spentNanogram(steps: readonly Step[], payer: Address, attachedNanogram: bigint): bigint {
  const back = steps
    .filter((step) => step.to.equals(payer))
    .reduce((sum, step) => sum + step.valueNanogram, 0n);
  return attachedNanogram - back;
}

test("a deposit counts when the channel's own wallet says so, and opening costs less than 0.01 GRAM", async () => {
  expect(await view()).toMatchObject({
    depositedNano: DEPOSIT_NANO,
    redeemedNano: 0n,
    state: { kind: "open" },
  });
  const steps = await deposit(chain, 5n);
  const noted = steps.find((step) => step.op === TRANSFER_NOTIFICATION_OP);
  expectGas("channel: deposit", noted);
  expect(await view()).toMatchObject({ depositedNano: DEPOSIT_NANO + 5n });

  const fresh = await TestChain.start();
  await sendGenesis(fresh);
  const first = await fresh.send({
    from: ALICE,
    to: CHANNEL.address,
    valueNanogram: 3_000_000n,
    init: CHANNEL.init,
  });
  const second = await transfer(fresh, ALICE, {
    amountNano: 5n,
    to: CHANNEL.address,
    forwardNanogram: NANOGRAM / 500n,
  });
  expect((await fresh.open(CHANNEL).getView()).depositedNano).toBe(5n);
  const spent = spentNanogram(first, ALICE, 3_000_000n) + spentNanogram(second, ALICE, NANOGRAM / 2n);
  expect(spent).toBeLessThanOrEqual(STEP_NANOGRAM_MAX);
});

test("tokens of another minter, or a stranger's word for a deposit, are refused", async () => {
  const note = beginCell().storeUint(TRANSFER_NOTIFICATION_OP, 32).storeUint(0, 64).storeCoins(500);
  const body = note.storeAddress(MALLORY).storeBit(false).endCell();
  const foreign = new PingoWallet(CHANNEL.address, new PingoMinter(MALLORY).address).address;
  for (const from of [MALLORY, foreign, walletOf(ALICE).address, MINTER.address]) {
    expect((await ask(from, body))[0]?.exitCode).toBe(205);
  }
  expect(await view()).toMatchObject({ depositedNano: DEPOSIT_NANO });
});

test("a voucher pays the fog node once, a larger one the difference, whoever brings it", async () => {
  const steps = await ask(MALLORY, voucher(300n));
  expectGas("channel: redeem", steps[0]);
  expect(await balanceNano(chain, FOG)).toBe(300n);
  expect((await ask(FOG, voucher(300n)))[0]?.exitCode).toBe(243);
  expect((await ask(FOG, voucher(299n)))[0]?.exitCode).toBe(243);
  await ask(FOG, voucher(450n));
  expect(await balanceNano(chain, FOG)).toBe(450n);
  expect(steps.some((step) => step.op === EXCESSES_OP && step.to.equals(MALLORY))).toBe(true);
});

test("a voucher beyond the deposit pays the deposit, and the rest once more is deposited", async () => {
  await ask(FOG, voucher(5_000n));
  expect(await balanceNano(chain, FOG)).toBe(DEPOSIT_NANO);
  expect((await ask(FOG, voucher(5_000n)))[0]?.exitCode).toBe(243);
  await deposit(chain, 700n);
  await ask(FOG, voucher(5_000n));
  expect(await balanceNano(chain, FOG)).toBe(DEPOSIT_NANO + 700n);
});

test("a voucher counts only under the channel's key, for this channel and this network", async () => {
  const other = keyPairOfSeed(new Uint8Array(32).fill(8));
  for (const body of [
    encodeRedeem(signVoucher(other, CHANNEL.address, GLOBAL, 10n)),
    voucher(10n, new Channel({ ...TERMS, salt: 2 }).address),
    voucher(10n, CHANNEL.address, GLOBAL_ID.testnet),
    encodeRedeem({ ...signVoucher(VOUCHER_KEY, CHANNEL.address, GLOBAL, 10n), cumulativeNano: 11n }),
    encodeRedeem({ cumulativeNano: 10n, signature: new Uint8Array(64) }),
  ]) {
    expect((await ask(FOG, body))[0]?.exitCode).toBe(226);
  }
  for (const key of ["00".repeat(32), `01${"00".repeat(31)}`]) {
    const voucherKey = Buffer.from(key, "hex");
    const weak = new Channel({ ...TERMS, voucherKey });
    const forged = encodeRedeem({
      cumulativeNano: 10n,
      signature: Buffer.concat([voucherKey, Buffer.alloc(32)]),
    });
    const [step] = await chain.send({
      from: FOG,
      to: weak.address,
      valueNanogram: NANOGRAM,
      init: weak.init,
      body: forged,
    });
    expect(step?.exitCode).toBe(225);
    expect(() => new VoucherDesk(weak.address, GLOBAL, voucherKey)).toThrow(VoucherError);
  }
});

test("the fog node closes at once; what no voucher gave is the user's again, for less than 0.01 GRAM", async () => {
  await ask(FOG, voucher(300n));
  const before = await balanceNano(chain, ALICE);
  const steps = await ask(FOG, encodeClose());
  expectGas("channel: close by the fog node", steps[0]);
  expect(await balanceNano(chain, ALICE)).toBe(before + 700n);
  expect(await view()).toMatchObject({ state: { kind: "closed" }, owedToFogNano: 0n, owedToUserNano: 0n });
  expect(spentNanogram(steps, FOG, NANOGRAM)).toBeLessThanOrEqual(STEP_NANOGRAM_MAX);
  for (const body of [voucher(400n), encodeClose()]) expect((await ask(FOG, body))[0]?.exitCode).toBe(280);
  expect((await ask(FOG, encodeFinish()))[0]?.exitCode).toBe(281);
});

test("the user closes after a window in which the fog node may still redeem; then anyone ends it", async () => {
  expect((await ask(MALLORY, encodeClose()))[0]?.exitCode).toBe(201);
  expect((await ask(MALLORY, encodeFinish()))[0]?.exitCode).toBe(281);
  const closing = await ask(ALICE, encodeClose());
  expectGas("channel: close by the user", closing[0]);
  expect(await view()).toMatchObject({ state: { kind: "closing", atUnixS: chain.nowUnixS + HOUR_SECONDS } });
  expect((await ask(ALICE, encodeClose()))[0]?.exitCode).toBe(280);
  expect((await ask(MALLORY, encodeFinish()))[0]?.exitCode).toBe(252);
  await ask(FOG, voucher(600n));
  chain.advance(HOUR_SECONDS);
  const before = await balanceNano(chain, ALICE);
  const steps = await ask(MALLORY, encodeFinish());
  expectGas("channel: finish", steps[0]);
  expect(await balanceNano(chain, ALICE)).toBe(before + 400n);
  expect(await balanceNano(chain, FOG)).toBe(600n);
});

test("a deposit after the end is owed to the user, and anyone has it paid", async () => {
  await ask(FOG, encodeClose());
  expect((await ask(MALLORY, encodePayOwed()))[0]?.exitCode).toBe(243);
  await deposit(chain, 50n);
  expect(await view()).toMatchObject({ owedToUserNano: 50n });
  const before = await balanceNano(chain, ALICE);
  expectGas("channel: pay owed", (await ask(MALLORY, encodePayOwed()))[0]);
  expect(await balanceNano(chain, ALICE)).toBe(before + 50n);
});

test("tokens that the wallet could not send stay owed, to each their own", async () => {
  await ask(ALICE, encodeClose());
  chain.advance(HOUR_SECONDS);
  const loose = new LooseChain(chain);
  loose.post({ from: MALLORY, to: CHANNEL.address, valueNanogram: NANOGRAM, body: voucher(600n) });
  loose.post({ from: MALLORY, to: CHANNEL.address, valueNanogram: NANOGRAM, body: encodeFinish() });
  await loose.step(0, false);
  await loose.step(0, false);
  while (loose.waiting > 2) await loose.step(0, true);
  const steps = await loose.drain();
  expect(steps.length).toBeGreaterThan(0);
  const { owedToFogNano, owedToUserNano } = await view();
  const paid =
    (await balanceNano(chain, FOG)) + (await balanceNano(chain, ALICE)) - (2n * SHARE_NANO - DEPOSIT_NANO);
  expect(paid + owedToFogNano + owedToUserNano).toBe(DEPOSIT_NANO);
  if (owedToFogNano + owedToUserNano > 0n) await ask(MALLORY, encodePayOwed());
  expect(await balanceNano(chain, FOG)).toBe(600n);
  expect(await balanceNano(chain, ALICE)).toBe(2n * SHARE_NANO - 600n);
});

test("tokens that the receiver's wallet could not take stay owed too; nobody else says that tokens returned", async () => {
  const loose = new LooseChain(chain);
  loose.post({ from: MALLORY, to: CHANNEL.address, valueNanogram: NANOGRAM, body: voucher(600n) });
  const steps = await loose.drain(INTERNAL_TRANSFER_OP);
  const told = steps.find((step) => step.op === TRANSFER_RETURNED_OP);
  expectGas("channel: take back", told);
  expect(steps.at(-1)?.to.equals(MALLORY)).toBe(true);
  expect(await view()).toMatchObject({ redeemedNano: 600n, owedToFogNano: 600n });
  for (const from of [MALLORY, FOG, walletOf(FOG).address]) {
    expect((await ask(from, transferReturned(600n, FOG)))[0]?.exitCode).toBe(205);
  }
  await ask(MALLORY, encodePayOwed());
  expect(await balanceNano(chain, FOG)).toBe(600n);

  loose.post({ from: FOG, to: CHANNEL.address, valueNanogram: NANOGRAM, body: encodeClose() });
  await loose.drain(INTERNAL_TRANSFER_OP);
  expect(await view()).toMatchObject({ owedToUserNano: 400n });
});

test("whatever order, whatever GRAM, whatever the network returns: deposits are paid or owed, to the last nano", async () => {
  const on = await TestChain.start();
  await open(on);
  const opened = on.blockchain.snapshot();
  const arbMove = fc.oneof(
    fc.record({
      kind: fc.constant("redeem" as const),
      cumulativeNano: fc.bigInt(0n, 1_500n),
      gram: fc.bigInt(0n, 20_000_000n),
    }),
    fc.record({
      kind: fc.constantFrom("close-user", "close-fog", "finish", "pay"),
      gram: fc.bigInt(0n, 20_000_000n),
    }),
    fc.record({ kind: fc.constant("deposit" as const), amountNano: fc.bigInt(0n, 99n) }),
    fc.record({ kind: fc.constant("step" as const), choice: fc.nat({ max: 5 }), isReturned: fc.boolean() }),
    fc.record({ kind: fc.constant("wait" as const) }),
  );
  const returnedByReceiver = [
    { kind: "redeem" as const, cumulativeNano: 1n, gram: 10_132_605n },
    { kind: "step" as const, choice: 0, isReturned: false },
    { kind: "step" as const, choice: 0, isReturned: false },
    { kind: "step" as const, choice: 1, isReturned: true },
    { kind: "deposit" as const, amountNano: 0n },
  ];
  await fc.assert(
    fc.asyncProperty(fc.array(arbMove, { minLength: 1, maxLength: 14 }), async (moves) => {
      await on.blockchain.loadFrom(opened);
      const loose = new LooseChain(on);
      const post = (from: Address, valueNanogram: bigint, body: Cell) =>
        loose.post({ from, to: CHANNEL.address, valueNanogram, body });
      for (const move of moves) {
        if (move.kind === "step") await loose.step(move.choice, move.isReturned);
        else if (move.kind === "wait") on.advance(HOUR_SECONDS);
        else if (move.kind === "redeem") post(MALLORY, move.gram, voucher(move.cumulativeNano));
        else if (move.kind === "deposit") await deposit(on, move.amountNano);
        else if (move.kind === "close-user") post(ALICE, move.gram, encodeClose());
        else if (move.kind === "close-fog") post(FOG, move.gram, encodeClose());
        else post(MALLORY, move.gram, move.kind === "finish" ? encodeFinish() : encodePayOwed());
      }
      await loose.drain();
      const { depositedNano, redeemedNano, owedToFogNano, owedToUserNano } = await on.open(CHANNEL).getView();
      const held = await on.open(new PingoWallet(CHANNEL.address, MINTER.address)).getBalanceNano();
      expect(held).toBe(depositedNano - redeemedNano + owedToFogNano + owedToUserNano);
      const toFog = await balanceNano(on, FOG);
      expect(toFog + owedToFogNano).toBe(redeemedNano);
    }),
    { numRuns: 60, examples: [[returnedByReceiver]] },
  );
});

test("whatever GRAM is attached, a close is paid whole or refused", async () => {
  for (let valueNanogram = 1_000_000n; valueNanogram < 12_000_000n; valueNanogram += 1_000_000n) {
    const on = await TestChain.start();
    await open(on);
    await on.send({ from: FOG, to: CHANNEL.address, valueNanogram: NANOGRAM, body: voucher(300n) });
    const steps = await on.send({ from: FOG, to: CHANNEL.address, valueNanogram, body: encodeClose() });
    const isDone = !steps[0]?.isAborted;
    expect(await balanceNano(on, ALICE)).toBe(2n * SHARE_NANO - (isDone ? 300n : DEPOSIT_NANO));
  }
});

test("the desk takes each voucher once, and only more, within the deposit", () => {
  const desk = new VoucherDesk(CHANNEL.address, GLOBAL, VOUCHER_KEY.publicKey);
  const signed = (cumulativeNano: bigint) =>
    signVoucher(VOUCHER_KEY, CHANNEL.address, GLOBAL, cumulativeNano);
  expect(desk.best).toBeNull();
  expect(desk.take(signed(10n), 100n)).toBe(10n);
  expect(desk.take(signed(25n), 100n)).toBe(15n);
  expect(() => desk.take(signed(25n), 100n)).toThrow(/25 were given already/);
  expect(() => desk.take(signed(101n), 100n)).toThrow(/deposit more first/);
  expect(() => desk.take({ ...signed(30n), cumulativeNano: 31n }, 100n)).toThrow(/does not verify/);
  expect(() => desk.take({ cumulativeNano: 31n, signature: new Uint8Array(3) }, 100n)).toThrow(
    /does not verify/,
  );
  expect(desk.best).toEqual(signed(25n));
});

test("unknown messages are refused; what is left over and GRAM without words are kept", async () => {
  const noise = beginCell().storeUint(5, 32).storeUint(0, 64).endCell();
  expect((await ask(MALLORY, noise))[0]?.exitCode).toBe(65535);
  const excesses = beginCell().storeUint(EXCESSES_OP, 32).storeUint(0, 64).endCell();
  expect((await ask(MALLORY, excesses))[0]?.exitCode).toBe(0);
  expect((await ask(MALLORY, beginCell().endCell()))[0]?.exitCode).toBe(0);
});
