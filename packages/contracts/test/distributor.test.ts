import { type Address, beginCell, type Cell } from "@ton/core";
import { afterAll, beforeEach, expect, test } from "vitest";
import { ClaimTree } from "../src/claims/claim-tree.ts";
import {
  ClaimRecord,
  Distributor,
  encodeChallenge,
  encodeClaim,
  encodeDropChallenged,
  encodePause,
  encodePostRoot,
  encodeProveDecrease,
  encodeResolve,
  encodeSetAuthorities,
} from "../src/claims/distributor.ts";
import { encodeGenesis, PINGO_SUPPLY_NANO } from "../src/jetton/pingo-minter.ts";
import {
  EXCESSES_OP,
  INTERNAL_TRANSFER_OP,
  PingoWallet,
  TRANSFER_RETURNED_OP,
} from "../src/jetton/pingo-wallet.ts";
import { encodeOrder } from "../src/quorum/order.ts";
import { addressOf, LooseChain, NANOGRAM, START_UNIX_S, type TestChain } from "../src/testing/index.ts";
import { expectCovered, startCoveredChain } from "./coverage.ts";
import { expectGas } from "./gas.ts";
import {
  ALICE,
  BOB,
  balanceNano,
  CAROL,
  DEPLOYER,
  lateNotice,
  MALLORY,
  MINTER,
  notification,
  tellLate,
  transfer,
  transferReturned,
} from "./genesis.ts";
import { deployQuorum, GOVERNOR, orderByQuorum, QUORUM, RELAYER } from "./quorum-of.ts";

const WEEK_SECONDS = 7 * 24 * 3600;
const DAY_SECONDS = 24 * 3600;
const GUARDIAN = addressOf("guardian");
const BUDGET_NANO = (PINGO_SUPPLY_NANO * 4n) / 10n;
const BOND_NANOGRAM = 10n * NANOGRAM;
const TERMS = {
  minter: MINTER.address,
  startUnixS: START_UNIX_S,
  epochSeconds: WEEK_SECONDS,
  epochsPerEra: 52,
  windowSeconds: DAY_SECONDS,
  resolveSeconds: 3 * DAY_SECONDS,
  budgetNano: BUDGET_NANO,
  bondNanogram: BOND_NANOGRAM,
  stream: 0,
};
const VAULT = new Distributor(TERMS, { quorum: QUORUM.address, governor: GOVERNOR, guardian: GUARDIAN });
const FIRST_CAP_NANO = BUDGET_NANO / 4n / 52n;

let chain: TestChain;

beforeEach(async () => {
  chain = await startCoveredChain();
  await deployQuorum(chain);
  await chain.send({ from: RELAYER, to: VAULT.address, valueNanogram: NANOGRAM, init: VAULT.init });
  const rest = PINGO_SUPPLY_NANO - BUDGET_NANO;
  const body = encodeGenesis([
    { owner: VAULT.address, amountNano: BUDGET_NANO },
    { owner: CAROL, amountNano: rest },
  ]);
  await chain.send({ from: DEPLOYER, to: MINTER.address, valueNanogram: NANOGRAM, init: MINTER.init, body });
});

afterAll(() => expectCovered("distributor", "claim-record"));

function treeOf(...given: readonly (readonly [Address, bigint])[]): ClaimTree {
  return new ClaimTree(given.map(([owner, cumulativeNano]) => ({ owner: owner.hash, cumulativeNano })));
}

async function postRoot(epoch: number, tree: ClaimTree, totalNano = tree.totalNano) {
  return await orderByQuorum(chain, VAULT.address, encodePostRoot({ epoch, root: tree.root, totalNano }));
}

/** An epoch ends, its root is posted, and its window passes. */
async function passEpoch(epoch: number, tree: ClaimTree): Promise<void> {
  chain.advance(WEEK_SECONDS);
  expect((await postRoot(epoch, tree))[1]?.exitCode).toBe(0);
  chain.advance(DAY_SECONDS);
}

async function ask(from: Address, body: Cell, valueNanogram = NANOGRAM) {
  return await chain.send({ from, to: VAULT.address, valueNanogram, body });
}

async function order(body: Cell, from = GOVERNOR) {
  return await ask(from, encodeOrder(body, from));
}

test("a claim pays the owner what the root says, once, whoever sends it", async () => {
  const tree = treeOf([ALICE, 500n], [BOB, 700n]);
  await passEpoch(1, tree);
  const body = encodeClaim(ALICE, tree.proofOf(ALICE.hash));
  const steps = await ask(MALLORY, body);
  expectGas("distributor: claim of two owners", steps[0]);
  expectGas("claim-record: first claim", steps[1]);
  expectGas("distributor: pay out", steps[2]);
  expect(await balanceNano(chain, ALICE)).toBe(500n);
  expect((await chain.open(VAULT).getView()).paidNano).toBe(500n);
  expect(await chain.open(VAULT).getPaidNano(ALICE)).toBe(500n);
  const left = steps.at(-1);
  expect([left?.op, left?.to.equals(MALLORY)]).toEqual([EXCESSES_OP, true]);
  expect(left?.valueNanogram).toBeGreaterThan((NANOGRAM * 98n) / 100n);

  const again = await ask(ALICE, body);
  expect(again[1]?.exitCode).toBe(243);
  expect(again.at(-1)?.to.equals(ALICE)).toBe(true);
  expect(again.at(-1)?.valueNanogram).toBeGreaterThan((NANOGRAM * 98n) / 100n);
  expect(await balanceNano(chain, ALICE)).toBe(500n);
});

test("a later root pays only what was added, and epochs that were not claimed are not lost", async () => {
  await passEpoch(1, treeOf([ALICE, 500n]));
  await passEpoch(2, treeOf([ALICE, 600n], [BOB, 1n]));
  const third = treeOf([ALICE, 800n], [BOB, 5n]);
  const second = treeOf([ALICE, 600n], [BOB, 1n]);
  await ask(ALICE, encodeClaim(ALICE, second.proofOf(ALICE.hash)));
  expect(await balanceNano(chain, ALICE)).toBe(600n);
  await passEpoch(3, third);
  expect((await ask(BOB, encodeClaim(BOB, second.proofOf(BOB.hash))))[0]?.exitCode).toBe(241);
  for (const owner of [ALICE, BOB]) {
    await ask(owner, encodeClaim(owner, third.proofOf(owner.hash)));
  }
  expect(await balanceNano(chain, ALICE)).toBe(800n);
  expect(await balanceNano(chain, BOB)).toBe(5n);
  expect((await chain.open(VAULT).getView()).paidNano).toBe(805n);
});

test("a claim of a thousand owners' tree stays within 15,000 gas", async () => {
  const owners = Array.from({ length: 1000 }, (_, n) => addressOf(`claimant ${n}`));
  const tree = treeOf(...owners.map((owner, n) => [owner, BigInt(n + 1)] as const));
  await passEpoch(1, tree);
  const owner = owners[321] ?? ALICE;
  const steps = await ask(BOB, encodeClaim(owner, tree.proofOf(owner.hash)));
  expectGas("distributor: claim of 1,000 owners", steps[0]);
  expect(steps[0]?.gas).toBeLessThanOrEqual(15_000);
  expect(await balanceNano(chain, owner)).toBe(322n);
});

test("a claim is refused before its root pays, with a foreign or broken proof, and with too little GRAM", async () => {
  const tree = treeOf([ALICE, 500n], [BOB, 700n], [CAROL, 1n]);
  const proof = tree.proofOf(ALICE.hash);
  expect((await ask(ALICE, encodeClaim(ALICE, proof)))[0]?.exitCode).toBe(244);
  chain.advance(WEEK_SECONDS);
  await postRoot(1, tree);
  expect((await ask(ALICE, encodeClaim(ALICE, proof)))[0]?.exitCode).toBe(244);
  chain.advance(DAY_SECONDS);
  for (const [owner, cell, exitCode] of [
    [ALICE, treeOf([ALICE, 9_999n]).proofOf(ALICE.hash), 241],
    [MALLORY, tree.proofOf(MALLORY.hash), 242],
    [BOB, proof, 9],
    [
      ALICE,
      beginCell().storeUint(3, 8).storeUint(tree.root, 256).storeRef(beginCell().endCell()).endCell(),
      240,
    ],
  ] as const) {
    expect((await ask(ALICE, encodeClaim(owner, cell)))[0]?.exitCode).toBe(exitCode);
  }
  expect((await chain.open(VAULT).getView()).paidNano).toBe(0n);
});

test("whatever GRAM is attached, a claim is paid whole or refused at its first contract", async () => {
  const owners = Array.from({ length: 60 }, (_, n) => addressOf(`claimant ${n}`));
  const tree = treeOf(...owners.map((owner) => [owner, 5n] as const));
  await passEpoch(1, tree);
  let paid = 0n;
  for (const [n, owner] of owners.entries()) {
    const steps = await ask(
      ALICE,
      encodeClaim(owner, tree.proofOf(owner.hash)),
      500_000n + 150_000n * BigInt(n),
    );
    if (!steps[0]?.isAborted) paid += 5n;
    expect(await balanceNano(chain, owner)).toBe(steps[0]?.isAborted ? 0n : 5n);
    expect(await chain.open(VAULT).getPaidNano(owner)).toBe(steps[0]?.isAborted ? 0n : 5n);
  }
  expect(paid).toBeGreaterThan(0n);
  expect(paid).toBeLessThan(300n);
  expect((await chain.open(VAULT).getView()).paidNano).toBe(paid);
});

test("roots come from the quorum alone, after their epoch, in order, within the schedule, one at a time", async () => {
  const tree = treeOf([ALICE, 500n]);
  const post = encodePostRoot({ epoch: 1, root: tree.root, totalNano: 500n });
  expect((await order(post, MALLORY))[0]?.exitCode).toBe(220);
  expect((await order(post, GOVERNOR))[0]?.exitCode).toBe(220);
  expect((await postRoot(1, tree))[1]?.exitCode).toBe(252);
  chain.advance(WEEK_SECONDS);
  expect((await postRoot(2, tree))[1]?.exitCode).toBe(252);
  expect((await postRoot(0, tree))[1]?.exitCode).toBe(246);
  expect((await postRoot(1, tree, FIRST_CAP_NANO + 1n))[1]?.exitCode).toBe(247);
  const posted = await postRoot(1, tree, FIRST_CAP_NANO);
  expect((await chain.open(VAULT).getView()).pending).toEqual({
    epoch: 1,
    root: tree.root,
    totalNano: FIRST_CAP_NANO,
    untilUnixS: chain.nowUnixS + DAY_SECONDS,
    challenger: null,
  });
  expectGas("distributor: post root", posted[1]);
  expect((await postRoot(1, tree))[1]?.exitCode).toBe(245);
  chain.advance(WEEK_SECONDS);
  expect((await postRoot(1, tree))[1]?.exitCode).toBe(246);
  expect((await postRoot(2, tree))[1]?.exitCode).toBe(248);
  const view = await chain.open(VAULT).getView();
  expect([view.active.epoch, view.active.totalNano, view.pending]).toEqual([1, FIRST_CAP_NANO, null]);
});

test("the schedule opens a quarter of what is left in every era, and never more than the budget", async () => {
  const vault = chain.open(VAULT);
  let [left, before] = [BUDGET_NANO, 0n];
  for (let era = 0; era < 6; era++) {
    expect(await vault.getEmissionCapNano(era * 52)).toBe(BUDGET_NANO - left);
    const half = await vault.getEmissionCapNano(era * 52 + 26);
    expect(half).toBe(BUDGET_NANO - left + left / 4n / 2n);
    expect(half - before).toBeGreaterThan(0n);
    before = half;
    left -= left / 4n;
  }
  expect(await vault.getEmissionCapNano(52 * 1000)).toBeLessThanOrEqual(BUDGET_NANO);
});

test("no more is paid than the schedule allows, whatever the quorum signed; what is refused stays claimable", async () => {
  const tree = treeOf([ALICE, FIRST_CAP_NANO - 1n], [BOB, 2n]);
  chain.advance(WEEK_SECONDS);
  await postRoot(1, tree, FIRST_CAP_NANO);
  chain.advance(DAY_SECONDS);
  await ask(ALICE, encodeClaim(ALICE, tree.proofOf(ALICE.hash)));
  const steps = await ask(BOB, encodeClaim(BOB, tree.proofOf(BOB.hash)));
  expect(steps[2]?.exitCode).toBe(247);
  expectGas("claim-record: bounce", steps[3]);
  expect(steps.at(-1)?.to.equals(BOB)).toBe(true);
  expect(await balanceNano(chain, BOB)).toBe(0n);
  expect(await chain.open(VAULT).getPaidNano(BOB)).toBe(0n);
  await passEpoch(2, treeOf([ALICE, FIRST_CAP_NANO], [BOB, 2n]));
  const second = treeOf([ALICE, FIRST_CAP_NANO], [BOB, 2n]);
  await ask(BOB, encodeClaim(BOB, second.proofOf(BOB.hash)));
  expect(await balanceNano(chain, BOB)).toBe(2n);
});

test("tokens that the vault's wallet cannot send are claimable again, and the payer has the GRAM", async () => {
  const tree = treeOf([ALICE, 500n]);
  await passEpoch(1, tree);
  const loose = new LooseChain(chain);
  const body = encodeClaim(ALICE, tree.proofOf(ALICE.hash));
  loose.post({ from: MALLORY, to: VAULT.address, valueNanogram: NANOGRAM, body });
  for (let step = 0; step < 3; step++) await loose.step(0, false);
  expect((await chain.open(VAULT).getView()).paidNano).toBe(500n);
  await loose.step(0, true);
  const steps = await loose.drain();
  expectGas("distributor: bounce of a transfer", steps[0]);
  expectGas("claim-record: restore", steps[1]);
  expect(steps.at(-1)?.to.equals(MALLORY)).toBe(true);
  expect((await chain.open(VAULT).getView()).paidNano).toBe(0n);
  expect(await chain.open(VAULT).getPaidNano(ALICE)).toBe(0n);
  await ask(ALICE, body);
  expect(await balanceNano(chain, ALICE)).toBe(500n);
});

test("tokens that the owner's wallet cannot take are claimable again; nobody else says that they returned", async () => {
  const tree = treeOf([ALICE, 500n]);
  await passEpoch(1, tree);
  const loose = new LooseChain(chain);
  const body = encodeClaim(ALICE, tree.proofOf(ALICE.hash));
  loose.post({ from: MALLORY, to: VAULT.address, valueNanogram: NANOGRAM, body });
  const steps = await loose.drain(INTERNAL_TRANSFER_OP);
  expectGas(
    "distributor: take back",
    steps.find((step) => step.op === TRANSFER_RETURNED_OP),
  );
  expect(steps.at(-1)?.to.equals(MALLORY)).toBe(true);
  expect((await chain.open(VAULT).getView()).paidNano).toBe(0n);
  expect(await chain.open(VAULT).getPaidNano(ALICE)).toBe(0n);
  expect((await ask(MALLORY, transferReturned(5n, ALICE)))[0]?.exitCode).toBe(205);
  await ask(ALICE, body);
  expect(await balanceNano(chain, ALICE)).toBe(500n);
});

test("nobody but the records and the vault move what is paid", async () => {
  const tree = treeOf([ALICE, 500n]);
  await passEpoch(1, tree);
  const payOut = beginCell().storeUint(0x50470202, 32).storeUint(0, 64).storeAddress(MALLORY);
  const body = payOut.storeBuffer(MALLORY.hash).storeCoins(5).endCell();
  const foreign = new ClaimRecord(MALLORY, MALLORY);
  for (const from of [MALLORY, foreign.address, new ClaimRecord(ALICE, VAULT.address).address]) {
    expect((await ask(from, body))[0]?.exitCode).toBe(220);
  }
  const record = new ClaimRecord(ALICE, VAULT.address);
  const asked = await chain.blockchain.runGetMethod(VAULT.address, "get_record_address", [
    { type: "int", value: BigInt(`0x${ALICE.hash.toString("hex")}`) },
  ]);
  expect(asked.stackReader.readAddress().equals(record.address)).toBe(true);
  for (const op of [0x50470201, 0x50470203]) {
    const forged = beginCell()
      .storeUint(op, 32)
      .storeUint(0, 64)
      .storeAddress(MALLORY)
      .storeBuffer(ALICE.hash);
    const [step] = await chain.send({
      from: MALLORY,
      to: record.address,
      valueNanogram: NANOGRAM,
      init: record.init,
      body: forged.storeCoins(5).endCell(),
    });
    expect(step?.exitCode).toBe(220);
  }
});

test("a challenged root pays nothing until the governor decides; a bond that was wrong is the governor's", async () => {
  const tree = treeOf([ALICE, 500n]);
  chain.advance(WEEK_SECONDS);
  expect((await ask(BOB, encodeChallenge(), 11n * NANOGRAM))[0]?.exitCode).toBe(249);
  await postRoot(1, tree);
  expect((await ask(BOB, encodeChallenge()))[0]?.exitCode).toBe(202);
  expect((await order(encodeResolve(tree.root, true)))[0]?.exitCode).toBe(251);
  const challenged = await ask(BOB, encodeChallenge(), 11n * NANOGRAM);
  expectGas("distributor: challenge", challenged[0]);
  expect(challenged[1]?.valueNanogram).toBeGreaterThan((NANOGRAM * 99n) / 100n);
  expect((await ask(CAROL, encodeChallenge(), 11n * NANOGRAM))[0]?.exitCode).toBe(250);
  chain.advance(2 * DAY_SECONDS);
  expect((await ask(ALICE, encodeClaim(ALICE, tree.proofOf(ALICE.hash))))[0]?.exitCode).toBe(244);
  expect((await order(encodeResolve(tree.root, true), MALLORY))[0]?.exitCode).toBe(220);
  // Carried while another root waited, it says nothing about this one.
  expect((await order(encodeResolve(tree.root + 1n, true)))[0]?.exitCode).toBe(257);
  const resolved = await order(encodeResolve(tree.root, true));
  expectGas("distributor: resolve", resolved[0]);
  const bond = resolved.find((step) => step.valueNanogram > 9n * NANOGRAM);
  expect(bond?.to.equals(GOVERNOR)).toBe(true);
  await ask(ALICE, encodeClaim(ALICE, tree.proofOf(ALICE.hash)));
  expect(await balanceNano(chain, ALICE)).toBe(500n);
});

test("a challenge that was right, or that nobody decided, drops the root and returns the bond", async () => {
  const tree = treeOf([ALICE, 500n]);
  chain.advance(WEEK_SECONDS);
  expect((await ask(BOB, encodeDropChallenged()))[0]?.exitCode).toBe(251);
  for (const isDecided of [true, false]) {
    await postRoot(1, tree);
    expect((await ask(BOB, encodeDropChallenged()))[0]?.exitCode).toBe(251);
    await ask(BOB, encodeChallenge(), 11n * NANOGRAM);
    expect((await ask(BOB, encodeDropChallenged()))[0]?.exitCode).toBe(252);
    if (!isDecided) chain.advance(3 * DAY_SECONDS);
    const steps = isDecided
      ? await order(encodeResolve(tree.root, false))
      : await ask(CAROL, encodeDropChallenged());
    const bond = steps.find((step) => step.valueNanogram > 9n * NANOGRAM);
    expect(bond?.to.equals(BOB)).toBe(true);
    expect((await chain.open(VAULT).getView()).pending).toBeNull();
  }
  expect((await order(encodeResolve(tree.root, false)))[0]?.exitCode).toBe(251);
});

test("a root that gives somebody less than the one before falls by proof, without anybody's vote", async () => {
  const first = treeOf([ALICE, 500n], [BOB, 700n]);
  await passEpoch(1, first);
  const prove = async (next: ClaimTree, owner: Address) =>
    await ask(MALLORY, encodeProveDecrease(owner, first.proofOf(owner.hash), next.proofOf(owner.hash)));
  expect((await prove(first, ALICE))[0]?.exitCode).toBe(249);
  const honest = treeOf([ALICE, 500n], [BOB, 800n]);
  const lesser = treeOf([ALICE, 499n], [BOB, 9_000n]);
  const without = treeOf([BOB, 9_000n], [CAROL, 5n]);
  chain.advance(WEEK_SECONDS);
  for (const [next, isChallenged] of [
    [lesser, false],
    [without, true],
  ] as const) {
    await postRoot(2, next);
    if (isChallenged) await ask(BOB, encodeChallenge(), 11n * NANOGRAM);
    expect((await prove(honest, ALICE))[0]?.exitCode).toBe(241);
    expect((await prove(next, BOB))[0]?.exitCode).toBe(253);
    const steps = await prove(next, ALICE);
    if (!isChallenged) expectGas("distributor: prove decrease", steps[0]);
    expect(steps.some((step) => step.to.equals(BOB) && step.valueNanogram > 9n * NANOGRAM)).toBe(
      isChallenged,
    );
    expect((await chain.open(VAULT).getView()).pending).toBeNull();
  }
  await postRoot(2, honest);
  expect((await prove(honest, BOB))[0]?.exitCode).toBe(253);
});

test("the guardian pauses claims for a week at most, once a month, and takes nothing", async () => {
  const tree = treeOf([ALICE, 500n]);
  await passEpoch(1, tree);
  expect((await ask(MALLORY, encodePause(60)))[0]?.exitCode).toBe(220);
  expect((await ask(GUARDIAN, encodePause(WEEK_SECONDS + 1)))[0]?.exitCode).toBe(255);
  expectGas("distributor: pause", (await ask(GUARDIAN, encodePause(WEEK_SECONDS)))[0]);
  const body = encodeClaim(ALICE, tree.proofOf(ALICE.hash));
  expect((await ask(ALICE, body))[0]?.exitCode).toBe(254);
  expect((await ask(GUARDIAN, encodePause(60)))[0]?.exitCode).toBe(256);
  chain.advance(WEEK_SECONDS);
  await ask(ALICE, body);
  expect(await balanceNano(chain, ALICE)).toBe(500n);
  const wallet = new PingoWallet(VAULT.address, MINTER.address);
  expect(await chain.open(wallet).getBalanceNano()).toBe(BUDGET_NANO - 500n);
  expect((await ask(GUARDIAN, encodePause(60)))[0]?.exitCode).toBe(256);
  chain.advance(30 * DAY_SECONDS);
  expect((await ask(GUARDIAN, encodePause(60)))[0]?.exitCode).toBe(0);
});

test("the governor alone names another quorum and guardian", async () => {
  const change = encodeSetAuthorities(MALLORY, BOB);
  expect((await order(change, MALLORY))[0]?.exitCode).toBe(220);
  expectGas("distributor: set authorities", (await order(change))[0]);
  chain.advance(WEEK_SECONDS);
  const tree = treeOf([ALICE, 5n]);
  expect((await postRoot(1, tree))[1]?.exitCode).toBe(220);
  const post = encodePostRoot({ epoch: 1, root: tree.root, totalNano: 5n });
  expect((await order(post, MALLORY))[0]?.exitCode).toBe(0);
  expect((await ask(BOB, encodePause(60)))[0]?.exitCode).toBe(0);
});

test("unknown messages and orders are refused; GRAM without words and what is left over are kept", async () => {
  const noise = beginCell().storeUint(5, 32).storeUint(0, 64).endCell();
  expect((await ask(MALLORY, noise))[0]?.exitCode).toBe(65535);
  expect((await order(noise))[0]?.exitCode).toBe(65535);
  const excesses = beginCell().storeUint(EXCESSES_OP, 32).storeUint(0, 64).endCell();
  expect((await ask(MALLORY, excesses))[0]?.exitCode).toBe(0);
  expect((await ask(MALLORY, beginCell().endCell()))[0]?.exitCode).toBe(0);
  const record = new ClaimRecord(ALICE, VAULT.address);
  for (const [body, exitCode] of [
    [noise, 65535],
    [beginCell().endCell(), 0],
  ] as const) {
    const [step] = await chain.send({
      from: MALLORY,
      to: record.address,
      valueNanogram: NANOGRAM,
      init: record.init,
      body,
    });
    expect(step?.exitCode).toBe(exitCode);
  }
});

test("what is given back to the emission counts, told or told late; nobody else says that anything was", async () => {
  await transfer(chain, CAROL, { amountNano: 7n, to: VAULT.address, forwardNanogram: NANOGRAM / 200n });
  expectGas("distributor: late notice", (await tellLate(chain, VAULT.address, 8n, CAROL))[1]);
  for (const body of [lateNotice(5n), notification(5n)])
    expect((await ask(MALLORY, body))[0]?.exitCode).toBe(205);
  expect(await chain.open(VAULT).getReturnedNano()).toBe(15n);
});
