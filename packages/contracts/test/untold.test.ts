/** PINGO that comes without a notice, or to who does not want it: it is told of later, or goes back, and never sticks. */
import type { Address } from "@ton/core";
import { beforeEach, expect, test } from "vitest";
import { encodeFinish } from "../src/channel/channel.ts";
import { Escrow } from "../src/channel/escrow.ts";
import { encodeSetGuardian } from "../src/governance/governance.ts";
import { encodeUnlock } from "../src/governance/lock.ts";
import { encodeTellOwner } from "../src/jetton/pingo-wallet.ts";
import { addressOf, NANOGRAM, START_UNIX_S, TestChain } from "../src/testing/index.ts";
import { expectGas } from "./gas.ts";
import { ALICE, BOB, balanceNano, MALLORY, MINTER, SHARE_NANO, transfer, walletOf } from "./genesis.ts";
import {
  COLLECTION,
  GOVERNANCE,
  GOVERNED_QUORUM,
  LOCKED_NANO,
  lockOf,
  proposalOf,
  propose,
  REGISTRY,
  startGovernance,
} from "./governance-of.ts";

const NOTICE_NANOGRAM = NANOGRAM / 200n;
const LOCK = lockOf(ALICE);

let chain: TestChain;

beforeEach(async () => {
  chain = await TestChain.start();
  await startGovernance(chain);
});

async function tellOwnerOf(owner: Address, valueNanogram = NANOGRAM / 50n) {
  const { address: to } = walletOf(owner);
  return await chain.send({ from: MALLORY, to, valueNanogram, body: encodeTellOwner() });
}

async function untoldNano(owner: Address): Promise<bigint> {
  return await chain.open(walletOf(owner)).getUntoldNano();
}

test("PINGO sent with a notice to a contract that keeps none is the sender's again", async () => {
  await propose(chain, encodeSetGuardian(MALLORY), { target: GOVERNANCE.address });
  for (const { address: to } of [GOVERNANCE, GOVERNED_QUORUM, COLLECTION, REGISTRY, MINTER, proposalOf(0)]) {
    const before = await balanceNano(chain, BOB);
    const steps = await transfer(chain, BOB, { amountNano: 7n, to, forwardNanogram: NOTICE_NANOGRAM });
    expect(await balanceNano(chain, BOB)).toBe(before);
    expect(await balanceNano(chain, to)).toBe(0n);
    const back = steps.find((step) => step.isBounced);
    expectGas("pingo-wallet: send back", back);
    expect(await untoldNano(to)).toBe(0n);
  }
});

test("a notice too poor to pay for the way back leaves the tokens untold, not lost", async () => {
  await transfer(chain, BOB, { amountNano: 7n, to: REGISTRY.address, forwardNanogram: 1n });
  expect(await balanceNano(chain, REGISTRY.address)).toBe(7n);
  expect(await untoldNano(REGISTRY.address)).toBe(7n);
  const steps = await tellOwnerOf(REGISTRY.address);
  expectGas("pingo-wallet: tell again", steps.at(-2));
  expect(steps.at(-1)?.to.equals(MALLORY)).toBe(true);
  expect(await untoldNano(REGISTRY.address)).toBe(7n);
});

test.each([0n, 1n, 1_000_000n])(
  "a contract is told later of what came with %s nanogram for a notice, by whoever asks, once",
  async (forwardNanogram) => {
    await transfer(chain, BOB, { amountNano: 500n, to: LOCK.address, forwardNanogram });
    expect((await chain.open(LOCK).getView())?.amountNano).toBe(LOCKED_NANO);
    expect(await untoldNano(LOCK.address)).toBe(500n);
    const steps = await tellOwnerOf(LOCK.address);
    expectGas("pingo-wallet: tell the owner", steps[0]);
    expectGas("lock: late notice", steps[1]);
    expect(steps.at(-1)?.to.equals(MALLORY)).toBe(true);
    expect((await chain.open(LOCK).getView())?.amountNano).toBe(LOCKED_NANO + 500n);
    expect((await tellOwnerOf(LOCK.address))[0]?.exitCode).toBe(213);
    await chain.send({ from: ALICE, to: LOCK.address, valueNanogram: NANOGRAM, body: encodeUnlock() });
    expect(await balanceNano(chain, ALICE)).toBe(2n * SHARE_NANO + 500n);
  },
);

test("a contract that does not stand yet books what came, once it stands", async () => {
  const escrow = new Escrow({
    minter: MINTER.address,
    user: ALICE,
    fog: BOB,
    quorum: MALLORY,
    job: new Uint8Array(32).fill(1),
    deadlineUnixS: START_UNIX_S + 3600,
    windowSeconds: 60,
    resolveSeconds: 60,
  });
  const { address: to, init } = escrow;
  await transfer(chain, ALICE, { amountNano: 9n, to, forwardNanogram: NOTICE_NANOGRAM });
  expect(await untoldNano(to)).toBe(9n);
  expect(await chain.balanceNanogram(to)).toBeGreaterThan(NOTICE_NANOGRAM / 2n);
  await chain.send({ from: ALICE, to, valueNanogram: NANOGRAM / 100n, init });
  await tellOwnerOf(to);
  expect((await chain.open(escrow).getView()).depositedNano).toBe(9n);
  chain.advance(7200);
  await chain.send({ from: MALLORY, to, valueNanogram: NANOGRAM, body: encodeFinish() });
  expect(await balanceNano(chain, ALICE)).toBe(2n * SHARE_NANO - LOCKED_NANO);
});

test("people without code keep their tokens, and the GRAM of the notice is theirs", async () => {
  const stranger = addressOf("a person without code");
  await transfer(chain, BOB, { amountNano: 7n, to: stranger, forwardNanogram: NOTICE_NANOGRAM });
  expect(await balanceNano(chain, stranger)).toBe(7n);
  expect(await chain.balanceNanogram(stranger)).toBeGreaterThan((NOTICE_NANOGRAM * 4n) / 5n);
  await tellOwnerOf(stranger);
  expect(await balanceNano(chain, stranger)).toBe(7n);
});

test("with too little GRAM at any step, a late notice is refused, or told, or can be told again", async () => {
  await transfer(chain, BOB, { amountNano: 500n, to: LOCK.address });
  for (let valueNanogram = 200_000n; valueNanogram < 6_000_000n; valueNanogram += 200_000n) {
    await tellOwnerOf(LOCK.address, valueNanogram);
    const bookedNano = ((await chain.open(LOCK).getView())?.amountNano ?? 0n) - LOCKED_NANO;
    expect(bookedNano + (await untoldNano(LOCK.address))).toBe(500n);
  }
  expect(await untoldNano(LOCK.address)).toBe(0n);
});

test("nobody but a contract's own wallet tells it late", async () => {
  const steps = await tellOwnerOf(REGISTRY.address);
  expect(steps[0]?.exitCode ?? -1).not.toBe(0);
  const late = { from: MALLORY, to: LOCK.address, valueNanogram: NANOGRAM };
  const body = walletOf(ALICE).init.data;
  expect((await chain.send({ ...late, body })).at(0)?.exitCode).not.toBe(0);
});
