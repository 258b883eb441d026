import { type Address, beginCell, type Cell } from "@ton/core";
import { afterAll, beforeEach, expect, test } from "vitest";
import { Airdrop, encodeReclaim } from "../src/claims/airdrop.ts";
import { ClaimTree } from "../src/claims/claim-tree.ts";
import { ClaimRecord, Distributor, encodeClaim } from "../src/claims/distributor.ts";
import { EXCESSES_OP, INTERNAL_TRANSFER_OP, TRANSFER_RETURNED_OP } from "../src/jetton/pingo-wallet.ts";
import { addressOf, LooseChain, NANOGRAM, START_UNIX_S, type TestChain } from "../src/testing/index.ts";
import { expectCovered, startCoveredChain } from "./coverage.ts";
import { expectGas } from "./gas.ts";
import {
  ALICE,
  BOB,
  balanceNano,
  CAROL,
  lateNotice,
  MALLORY,
  MINTER,
  notification,
  sendGenesis,
  tellLate,
  transfer,
  transferReturned,
} from "./genesis.ts";
import { GOVERNOR } from "./quorum-of.ts";

const DAVE = addressOf("dave");
const ERIN = addressOf("erin");
const YEAR_SECONDS = 365 * 24 * 3600;
const BUDGET_NANO = 1_000n;
const TREE = new ClaimTree([
  { owner: DAVE.hash, cumulativeNano: 400n },
  { owner: ERIN.hash, cumulativeNano: 500n },
]);
const TREASURY = new Distributor(
  {
    minter: MINTER.address,
    startUnixS: START_UNIX_S,
    epochSeconds: 60,
    epochsPerEra: 52,
    windowSeconds: 60,
    resolveSeconds: 60,
    budgetNano: 0n,
    bondNanogram: NANOGRAM,
    stream: 0,
  },
  { quorum: GOVERNOR, governor: GOVERNOR, guardian: GOVERNOR },
);
const VAULT = new Airdrop({
  minter: MINTER.address,
  root: TREE.root,
  endsAtUnixS: START_UNIX_S + YEAR_SECONDS,
  treasury: TREASURY.address,
  budgetNano: BUDGET_NANO,
});

let chain: TestChain;

beforeEach(async () => {
  chain = await startCoveredChain();
  await sendGenesis(chain, [{ owner: VAULT.address, amountNano: BUDGET_NANO }]);
  const { address: to, init } = TREASURY;
  await chain.send({ from: ALICE, to, valueNanogram: NANOGRAM / 10n, init });
  await chain.send({ from: ALICE, to: VAULT.address, valueNanogram: NANOGRAM / 100n, init: VAULT.init });
});

afterAll(() => expectCovered("airdrop"));

async function ask(from: Address, body: Cell, valueNanogram = NANOGRAM) {
  return await chain.send({ from, to: VAULT.address, valueNanogram, body });
}

function claimOf(owner: Address): Cell {
  return encodeClaim(owner, TREE.proofOf(owner.hash));
}

test("everyone in the tree is paid once, whoever sends the claim", async () => {
  const steps = await ask(MALLORY, claimOf(DAVE));
  expectGas("airdrop: claim of two owners", steps[0]);
  expectGas("airdrop: pay out", steps[2]);
  expect(await balanceNano(chain, DAVE)).toBe(400n);
  expect(await chain.open(VAULT).getLeftNano()).toBe(600n);
  const again = await ask(DAVE, claimOf(DAVE));
  expect(again[1]?.exitCode).toBe(243);
  expect(again.at(-1)?.to.equals(DAVE)).toBe(true);
  await ask(DAVE, claimOf(ERIN));
  expect(await balanceNano(chain, ERIN)).toBe(500n);
  expect((await ask(MALLORY, claimOf(MALLORY)))[0]?.exitCode).toBe(242);
  expect((await ask(MALLORY, claimOf(DAVE), NANOGRAM / 400n))[0]?.exitCode).toBe(202);
});

test("nobody but a record of its own is paid out", async () => {
  const body = beginCell().storeUint(0x50470202, 32).storeUint(0, 64).storeAddress(MALLORY);
  const forged = body.storeBuffer(MALLORY.hash).storeCoins(5).endCell();
  for (const from of [
    MALLORY,
    new ClaimRecord(MALLORY, MALLORY).address,
    new ClaimRecord(DAVE, VAULT.address).address,
  ]) {
    expect((await ask(from, forged))[0]?.exitCode).toBe(220);
  }
});

test("a claim past the budget stays claimable and takes nothing", async () => {
  const tree = new ClaimTree([{ owner: DAVE.hash, cumulativeNano: BUDGET_NANO + 1n }]);
  const poor = new Airdrop({
    minter: MINTER.address,
    root: tree.root,
    endsAtUnixS: START_UNIX_S + YEAR_SECONDS,
    treasury: TREASURY.address,
    budgetNano: BUDGET_NANO,
  });
  const steps = await chain.send({
    from: BOB,
    to: poor.address,
    valueNanogram: NANOGRAM,
    init: poor.init,
    body: encodeClaim(DAVE, tree.proofOf(DAVE.hash)),
  });
  expect(steps[2]?.exitCode).toBe(203);
  expect(steps.at(-1)?.to.equals(BOB)).toBe(true);
  expect(await chain.open(new ClaimRecord(DAVE, poor.address)).getPaidNano()).toBe(0n);
});

test("after the last day nothing is claimed, and what is left goes to the treasury, which counts it, whoever asks", async () => {
  await ask(DAVE, claimOf(DAVE));
  expect((await ask(MALLORY, encodeReclaim()))[0]?.exitCode).toBe(252);
  chain.advance(YEAR_SECONDS);
  expect((await ask(ERIN, claimOf(ERIN)))[0]?.exitCode).toBe(223);
  expect((await ask(MALLORY, encodeReclaim(), NANOGRAM / 400n))[0]?.exitCode).toBe(202);
  expectGas("airdrop: reclaim", (await ask(MALLORY, encodeReclaim()))[0]);
  expect(await balanceNano(chain, TREASURY.address)).toBe(600n);
  expect(await chain.open(TREASURY).getReturnedNano()).toBe(600n);
  expect((await ask(MALLORY, encodeReclaim()))[0]?.exitCode).toBe(243);
});

test("tokens that the wallet could not send are claimable, or to be reclaimed, again", async () => {
  for (const isReclaim of [false, true]) {
    if (isReclaim) chain.advance(YEAR_SECONDS);
    const loose = new LooseChain(chain);
    const body = isReclaim ? encodeReclaim() : claimOf(DAVE);
    loose.post({ from: CAROL, to: VAULT.address, valueNanogram: NANOGRAM, body });
    for (let step = 0; step < (isReclaim ? 1 : 3); step++) await loose.step(0, false);
    await loose.step(0, true);
    const steps = await loose.drain();
    if (!isReclaim) expectGas("airdrop: bounce of a transfer", steps[0]);
    expect(steps.at(-1)?.to.equals(CAROL)).toBe(true);
    expect(await chain.open(VAULT).getLeftNano()).toBe(BUDGET_NANO);
    expect(await chain.open(new ClaimRecord(DAVE, VAULT.address)).getPaidNano()).toBe(0n);
  }
  await ask(MALLORY, encodeReclaim());
  expect(await balanceNano(chain, TREASURY.address)).toBe(BUDGET_NANO);
  expect(await chain.open(TREASURY).getReturnedNano()).toBe(BUDGET_NANO);
});

test("tokens that the receiver's wallet could not take are claimable, or to be reclaimed, again", async () => {
  for (const isReclaim of [false, true]) {
    if (isReclaim) chain.advance(YEAR_SECONDS);
    const loose = new LooseChain(chain);
    const body = isReclaim ? encodeReclaim() : claimOf(DAVE);
    loose.post({ from: CAROL, to: VAULT.address, valueNanogram: NANOGRAM, body });
    const steps = await loose.drain(INTERNAL_TRANSFER_OP);
    const told = steps.find((step) => step.op === TRANSFER_RETURNED_OP);
    if (!isReclaim) expectGas("airdrop: take back", told);
    expect(steps.at(-1)?.to.equals(CAROL)).toBe(true);
    expect(await chain.open(VAULT).getLeftNano()).toBe(BUDGET_NANO);
    expect(await chain.open(new ClaimRecord(DAVE, VAULT.address)).getPaidNano()).toBe(0n);
  }
  expect((await ask(MALLORY, transferReturned(5n, DAVE)))[0]?.exitCode).toBe(205);
  await ask(MALLORY, encodeReclaim());
  expect(await balanceNano(chain, TREASURY.address)).toBe(BUDGET_NANO);
  expect(await chain.open(TREASURY).getReturnedNano()).toBe(BUDGET_NANO);
});

test("unknown messages are refused; what is left over and GRAM without words are kept", async () => {
  const noise = beginCell().storeUint(5, 32).storeUint(0, 64).endCell();
  expect((await ask(MALLORY, noise))[0]?.exitCode).toBe(65535);
  const excesses = beginCell().storeUint(EXCESSES_OP, 32).storeUint(0, 64).endCell();
  for (const body of [excesses, beginCell().endCell()])
    expect((await ask(MALLORY, body))[0]?.exitCode).toBe(0);
});

test("tokens that come besides are the treasury's in the end, told or told late; nobody else says that any came", async () => {
  await transfer(chain, ALICE, { amountNano: 7n, to: VAULT.address, forwardNanogram: NANOGRAM / 200n });
  expectGas("airdrop: late notice", (await tellLate(chain, VAULT.address, 8n))[1]);
  for (const body of [lateNotice(5n), notification(5n)])
    expect((await ask(MALLORY, body))[0]?.exitCode).toBe(205);
  expect(await chain.open(VAULT).getLeftNano()).toBe(BUDGET_NANO + 15n);
  chain.advance(YEAR_SECONDS);
  await ask(MALLORY, encodeReclaim());
  expect(await balanceNano(chain, TREASURY.address)).toBe(BUDGET_NANO + 15n);
});
