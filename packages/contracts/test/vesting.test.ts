import { beginCell, type Cell } from "@ton/core";
import { afterAll, beforeEach, expect, test } from "vitest";
import { EXCESSES_OP, INTERNAL_TRANSFER_OP, TRANSFER_RETURNED_OP } from "../src/jetton/pingo-wallet.ts";
import { addressOf, LooseChain, NANOGRAM, START_UNIX_S, type TestChain } from "../src/testing/index.ts";
import { encodeRelease, Vesting } from "../src/vesting/vesting.ts";
import { expectCovered, startCoveredChain } from "./coverage.ts";
import { expectGas } from "./gas.ts";
import {
  ALICE,
  balanceNano,
  lateNotice,
  MALLORY,
  MINTER,
  notification,
  sendGenesis,
  tellLate,
  transfer,
  transferReturned,
} from "./genesis.ts";

const MONTH_SECONDS = 30 * 24 * 3600;
const INVESTOR = addressOf("investor");
const TOTAL_NANO = 48_000n;
const VAULT = new Vesting({
  minter: MINTER.address,
  owner: INVESTOR,
  totalNano: TOTAL_NANO,
  startUnixS: START_UNIX_S,
  cliffSeconds: 12 * MONTH_SECONDS,
  durationSeconds: 48 * MONTH_SECONDS,
  stepSeconds: MONTH_SECONDS,
});

let chain: TestChain;

beforeEach(async () => {
  chain = await startCoveredChain();
  await sendGenesis(chain, [{ owner: VAULT.address, amountNano: TOTAL_NANO }]);
  await chain.send({ from: ALICE, to: VAULT.address, valueNanogram: NANOGRAM / 100n, init: VAULT.init });
});

afterAll(() => expectCovered("vesting"));

async function release(valueNanogram = NANOGRAM, body: Cell = encodeRelease()) {
  return await chain.send({ from: MALLORY, to: VAULT.address, valueNanogram, body });
}

test("nothing before the cliff, then month by month, and all of it at the end", async () => {
  const vault = chain.open(VAULT);
  for (const [months, vestedNano] of [
    [-1, 0n],
    [0, 0n],
    [11.99, 0n],
    [12, 12_000n],
    [12.9, 12_000n],
    [13, 13_000n],
    [47.9, 47_000n],
    [48, TOTAL_NANO],
    [500, TOTAL_NANO],
  ] as const) {
    expect(await vault.getVestedNano(START_UNIX_S + Math.floor(months * MONTH_SECONDS))).toBe(vestedNano);
  }
});

test("anyone releases what is due, and only the owner gets it", async () => {
  expect((await release())[0]?.exitCode).toBe(282);
  chain.advance(20 * MONTH_SECONDS);
  const steps = await release();
  expectGas("vesting: release", steps[0]);
  expect(await balanceNano(chain, INVESTOR)).toBe(20_000n);
  expect(steps.some((step) => step.op === EXCESSES_OP && step.to.equals(MALLORY))).toBe(true);
  expect((await release())[0]?.exitCode).toBe(282);
  chain.advance(40 * MONTH_SECONDS);
  await release();
  expect(await balanceNano(chain, INVESTOR)).toBe(TOTAL_NANO);
  expect((await release())[0]?.exitCode).toBe(282);
});

test("whatever GRAM is attached, a release is paid whole or refused", async () => {
  let [releasedNano, refused] = [0n, 0];
  chain.advance(12 * MONTH_SECONDS);
  for (let valueNanogram = 1_000_000n; valueNanogram < 16_000_000n; valueNanogram += 500_000n) {
    chain.advance(MONTH_SECONDS);
    const steps = await release(valueNanogram);
    if (steps[0]?.isAborted) refused += 1;
    else releasedNano = await chain.open(VAULT).getReleasedNano();
    expect(await balanceNano(chain, INVESTOR)).toBe(releasedNano);
  }
  expect([refused > 0, releasedNano > 0n]).toEqual([true, true]);
});

test("tokens that the wallet could not send are released again", async () => {
  chain.advance(12 * MONTH_SECONDS);
  const loose = new LooseChain(chain);
  loose.post({ from: MALLORY, to: VAULT.address, valueNanogram: NANOGRAM, body: encodeRelease() });
  await loose.step(0, false);
  await loose.step(0, true);
  const steps = await loose.drain();
  expectGas("vesting: bounce", steps[0]);
  expect(steps.at(-1)?.to.equals(MALLORY)).toBe(true);
  expect(await chain.open(VAULT).getReleasedNano()).toBe(0n);
  await release();
  expect(await balanceNano(chain, INVESTOR)).toBe(12_000n);
});

test("tokens that the owner's wallet could not take are released again; nobody else says that they returned", async () => {
  chain.advance(12 * MONTH_SECONDS);
  const loose = new LooseChain(chain);
  loose.post({ from: MALLORY, to: VAULT.address, valueNanogram: NANOGRAM, body: encodeRelease() });
  const steps = await loose.drain(INTERNAL_TRANSFER_OP);
  expectGas(
    "vesting: take back",
    steps.find((step) => step.op === TRANSFER_RETURNED_OP),
  );
  expect(steps.at(-1)?.to.equals(MALLORY)).toBe(true);
  expect(await chain.open(VAULT).getReleasedNano()).toBe(0n);
  expect((await release(NANOGRAM, transferReturned(5n, INVESTOR)))[0]?.exitCode).toBe(205);
  await release();
  expect(await balanceNano(chain, INVESTOR)).toBe(12_000n);
});

test("a vault without its tokens releases nothing, and nothing is lost", async () => {
  const other = new Vesting({
    minter: MINTER.address,
    owner: INVESTOR,
    totalNano: 5n,
    startUnixS: START_UNIX_S,
    cliffSeconds: 0,
    durationSeconds: 1,
    stepSeconds: 1,
  });
  chain.advance(5);
  await transfer(chain, ALICE, { amountNano: 3n, to: other.address });
  const message = {
    from: MALLORY,
    to: other.address,
    valueNanogram: NANOGRAM,
    init: other.init,
    body: encodeRelease(),
  };
  const steps = await chain.send(message);
  expect(steps[1]?.exitCode).toBe(203);
  expect(await chain.open(other).getReleasedNano()).toBe(0n);
  await transfer(chain, ALICE, { amountNano: 2n, to: other.address });
  await chain.send(message);
  expect(await balanceNano(chain, INVESTOR)).toBe(5n);
});

test("unknown messages are refused; what is left over and GRAM without words are kept", async () => {
  const noise = beginCell().storeUint(5, 32).storeUint(0, 64).endCell();
  expect((await release(NANOGRAM, noise))[0]?.exitCode).toBe(65535);
  const excesses = beginCell().storeUint(EXCESSES_OP, 32).storeUint(0, 64).endCell();
  expect((await release(NANOGRAM, excesses))[0]?.exitCode).toBe(0);
  expect((await release(NANOGRAM, beginCell().endCell()))[0]?.exitCode).toBe(0);
});

test("tokens that come besides vest with the rest, told or told late; nobody else says that any came", async () => {
  await transfer(chain, ALICE, { amountNano: 480n, to: VAULT.address, forwardNanogram: NANOGRAM / 200n });
  expectGas("vesting: late notice", (await tellLate(chain, VAULT.address, 480n))[1]);
  for (const body of [lateNotice(5n), notification(5n)])
    expect((await release(NANOGRAM, body))[0]?.exitCode).toBe(205);
  chain.advance(24 * MONTH_SECONDS);
  await release();
  expect(await balanceNano(chain, INVESTOR)).toBe((TOTAL_NANO + 960n) / 2n);
});
