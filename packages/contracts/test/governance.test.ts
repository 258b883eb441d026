import { type Address, beginCell, type Cell } from "@ton/core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { Certificate, encodeProveOwnership, encodeWithdraw } from "../src/certificate/certificate.ts";
import { encodePause } from "../src/claims/distributor.ts";
import { encodeEstablish, encodeSetGuardian, encodeSetVotingRules } from "../src/governance/governance.ts";
import { encodeUnlock } from "../src/governance/lock.ts";
import { Ballot, encodeBuilderVote, encodeConclude, encodePropose } from "../src/governance/proposal.ts";
import { PingoMinter } from "../src/jetton/pingo-minter.ts";
import {
  EXCESSES_OP,
  INTERNAL_TRANSFER_OP,
  PingoWallet,
  TRANSFER_NOTIFICATION_OP,
  TRANSFER_OP,
  TRANSFER_RETURNED_OP,
} from "../src/jetton/pingo-wallet.ts";
import { encodeOrder, ORDER_FAILED_OP, ORDER_OP } from "../src/quorum/order.ts";
import { encodeSetKeys } from "../src/quorum/quorum.ts";
import { encodeSetStakeParameters } from "../src/registry/registry.ts";
import { addressOf, LooseChain, NANOGRAM, type Step, type TestChain } from "../src/testing/index.ts";
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
  SHARE_NANO,
  tellLate,
  transferReturned,
  walletOf,
} from "./genesis.ts";
import {
  ABOUT,
  askCertificate,
  BOUNDS,
  BUILDERS,
  COLLECTION,
  carry,
  DAY_SECONDS,
  ELECTORATE,
  establish,
  GOVERNANCE,
  GOVERNED_QUORUM,
  GUARDIAN,
  ISSUER,
  issue,
  LOCKED_NANO,
  lock,
  lockOf,
  POWERS,
  proposalOf,
  propose,
  REGISTRY,
  RULES,
  startGovernance,
  voteAsBuilder,
  voteAsUser,
} from "./governance-of.ts";
import { FOG_KEYS } from "./quorum-of.ts";

const CHANGED = { providerStakeMinNano: 7n, fogStakeMinNano: 8n, verdictMillionthsMax: 9 };
const ORDER = encodeSetStakeParameters(CHANGED);
const PROPOSAL = proposalOf(0);
const [ONE = ALICE, TWO = ALICE, THREE = ALICE] = BUILDERS;

let chain: TestChain;

let standing: ReturnType<TestChain["blockchain"]["snapshot"]>;

beforeAll(async () => {
  chain = await startCoveredChain();
  await startGovernance(chain);
  standing = chain.blockchain.snapshot();
});

beforeEach(async () => {
  await chain.blockchain.loadFrom(standing);
});

afterAll(() => expectCovered("governance", "proposal", "ballot", "lock"), 120_000);

async function view(number = 0) {
  const found = await chain.open(proposalOf(number)).getView();
  if (!found) throw new Error("there is no proposal");
  return found;
}

async function ask(from: Address, to: Address, body: Cell, valueNanogram = NANOGRAM) {
  return await chain.send({ from, to, valueNanogram, body });
}

async function conclude(valueNanogram = NANOGRAM, number = 0) {
  return await ask(MALLORY, proposalOf(number).address, encodeConclude(3n), valueNanogram);
}

function at(steps: readonly Step[], address: Address): Step | undefined {
  return steps.find((step) => step.to.equals(address));
}

/** What the first that refused said. */
function refusal(steps: readonly Step[]): number | null | undefined {
  return steps.find((step) => step.isAborted && step.exitCode !== null && step.exitCode > 1)?.exitCode;
}

/** GRAM that came back to a sender. */
function backNanogram(steps: readonly Step[], to: Address): bigint {
  return steps
    .filter((step) => step.to.equals(to) && step.from !== null)
    .reduce((sum, step) => sum + step.valueNanogram, 0n);
}

async function unlock(owner: Address, valueNanogram = NANOGRAM) {
  return await ask(owner, lockOf(owner).address, encodeUnlock(4n), valueNanogram);
}

test("what both chambers carry changes the parameter after the timelock, once, whoever asks", async () => {
  const opened = await propose(chain, ORDER);
  expectGas("governance: propose", at(opened, GOVERNANCE.address));
  expectGas("proposal: open", at(opened, PROPOSAL.address));
  expect(backNanogram(opened, ONE)).toBeGreaterThan((NANOGRAM * 9n) / 10n);
  const asked = await view();
  expect(asked).toMatchObject({ number: 0, isEnacted: false, isCarried: false });
  expect(asked.enactsFromUnixS - asked.votesUntilUnixS).toBe(RULES.timelockSeconds);
  expect(asked.call.order.equals(ORDER)).toBe(true);
  expect(asked.call.target.equals(REGISTRY.address)).toBe(true);
  expect(asked.call.about).toEqual(ABOUT);

  const [byBuilder, byUser] = [await voteAsBuilder(chain, ONE, true), await voteAsUser(chain, ALICE, true)];
  const builderSteps = byBuilder.filter((step) => step.to.equals(PROPOSAL.address));
  expectGas("proposal: vote of a builder", builderSteps[0]);
  expectGas("ballot: cast", at(byBuilder, new Ballot(PROPOSAL.address, ONE, "builders").address));
  expectGas("proposal: count a builder", builderSteps[1]);
  const userSteps = byUser.filter((step) => step.to.equals(PROPOSAL.address));
  expectGas("lock: vote", at(byUser, lockOf(ALICE).address));
  expectGas("proposal: vote of a user", userSteps[0]);
  expectGas("proposal: count a user", userSteps[1]);
  expect(backNanogram(byBuilder, ONE)).toBeGreaterThan((NANOGRAM * 95n) / 100n);
  expect(backNanogram(byUser, ALICE)).toBeGreaterThan((NANOGRAM * 95n) / 100n);
  expect(await view()).toMatchObject({ isCarried: false, builders: { for: 1, against: 0, min: 2 } });
  await voteAsBuilder(chain, TWO, true);
  await voteAsBuilder(chain, THREE, false);
  await voteAsUser(chain, BOB, false);
  expect(await view()).toMatchObject({ isCarried: false });
  await lock(chain, CAROL, 1n);
  await voteAsUser(chain, CAROL, true);
  expect(await view()).toMatchObject({
    isCarried: true,
    builders: { for: 2, against: 1, min: 2 },
    users: { forNano: 2n * LOCKED_NANO + 1n, againstNano: LOCKED_NANO, minNano: 1_000n },
  });

  expect(refusal(await conclude())).toBe(252);
  chain.advance(RULES.voteSeconds + RULES.timelockSeconds - 1);
  expect(refusal(await conclude())).toBe(252);
  expect((await chain.open(REGISTRY).getView()).parameters.providerStakeMinNano).toBe(1n);
  chain.advance(1);
  const done = await conclude();
  expectGas("proposal: conclude", at(done, PROPOSAL.address));
  expectGas("governance: enact", at(done, GOVERNANCE.address));
  expect((await chain.open(REGISTRY).getView()).parameters).toEqual(CHANGED);
  expect(backNanogram(done, MALLORY)).toBeGreaterThan((NANOGRAM * 9n) / 10n);
  expect(await view()).toMatchObject({ isEnacted: true });
  expect(refusal(await conclude())).toBe(308);
});

test("nothing passes that one chamber did not carry, with too few votes, or too late", async () => {
  for (const [number, builders, users] of [
    [0, [true, true], []],
    [1, [true], [ALICE]],
    [2, [true, false], [ALICE]],
    [3, [], [ALICE, BOB]],
  ] as const) {
    await propose(chain, ORDER);
    for (const [index, isFor] of builders.entries()) {
      await voteAsBuilder(chain, BUILDERS[index] ?? ONE, isFor, number);
    }
    for (const owner of users) await voteAsUser(chain, owner, true, { number });
  }
  await propose(chain, ORDER);
  await carry(chain, 4);
  for (const number of [0, 1, 2, 3]) expect(refusal(await conclude(NANOGRAM, number))).toBe(307);
  chain.advance(30 * DAY_SECONDS);
  expect(refusal(await conclude(NANOGRAM, 4))).toBe(223);
  expect((await chain.open(REGISTRY).getView()).parameters.providerStakeMinNano).toBe(1n);
});

test("nobody votes twice in a chamber, after the end, or without a certificate from before the vote", async () => {
  await propose(chain, ORDER);
  await voteAsBuilder(chain, ONE, true);
  const twice = await voteAsBuilder(chain, ONE, false);
  expect(refusal(twice)).toBe(303);
  expectGas(
    "proposal: bounce of a ballot",
    twice.find((step) => step.isBounced && step.to.equals(PROPOSAL.address)),
  );
  expect(twice.at(-1)).toMatchObject({ op: ORDER_FAILED_OP });
  expect(backNanogram(twice, ONE)).toBeGreaterThan((NANOGRAM * 95n) / 100n);
  await voteAsUser(chain, ALICE, true);
  expect(refusal(await voteAsUser(chain, ALICE, true))).toBe(303);

  chain.advance(1);
  const late = addressOf("late builder");
  await issue(chain, late);
  expect(refusal(await voteAsBuilder(chain, late, true))).toBe(302);
  const revoked = encodeOrder(encodeWithdraw(TWO), ISSUER);
  await ask(ISSUER, COLLECTION.address, revoked);
  expect(refusal(await voteAsBuilder(chain, TWO, true))).toBe(302);
  expect(refusal(await propose(chain, ORDER, { builder: TWO }))).toBe(302);
  const blank = beginCell()
    .storeUint(0x04ded148, 32)
    .storeUint(0, 64)
    .storeAddress(PROPOSAL.address)
    .storeRef(beginCell().storeBit(true).endCell())
    .storeBit(false)
    .endCell();
  expect(refusal(await askCertificate(chain, THREE, blank))).toBe(302);
  expect(await view()).toMatchObject({
    builders: { for: 1, against: 0 },
    users: { forNano: LOCKED_NANO, againstNano: 0n },
  });
  chain.advance(RULES.voteSeconds);
  expect(refusal(await voteAsBuilder(chain, THREE, true))).toBe(223);
  expect(refusal(await voteAsUser(chain, BOB, true))).toBe(223);
  chain.advance(90 * DAY_SECONDS);
  expect(refusal(await propose(chain, ORDER, { builder: THREE }))).toBe(302);
});

test("a vote that is counted too late was not cast", async () => {
  await propose(chain, ORDER);
  chain.advance(RULES.voteSeconds - 1);
  const loose = new LooseChain(chain);
  const body = encodeBuilderVote(PROPOSAL.address, true);
  const certificate = new Certificate(ONE, COLLECTION.address);
  loose.post({ from: ONE, to: certificate.address, valueNanogram: NANOGRAM, body });
  for (let step = 0; step < 3; step++) await loose.step(0, false);
  const ballot = chain.open(new Ballot(PROPOSAL.address, ONE, "builders"));
  expect(await ballot.getIsCast()).toBe(true);
  await loose.step(0, true);
  const steps = await loose.drain();
  expectGas("ballot: bounce", steps[0]);
  expect(steps.at(-1)?.to.equals(ONE)).toBe(true);
  expect(await ballot.getIsCast()).toBe(false);
  expect(await chain.open(new Ballot(PROPOSAL.address, TWO, "users")).getIsCast()).toBe(false);
  expect(await view()).toMatchObject({ builders: { for: 0 } });
});

test("votes come from certificates of the collection and locks of ours, whoever claims otherwise", async () => {
  await propose(chain, ORDER);
  const proof = (owner: Address) =>
    beginCell()
      .storeUint(0x0524c7ae, 32)
      .storeUint(0, 64)
      .storeBuffer(owner.hash)
      .storeAddress(owner)
      .storeRef(beginCell().storeBit(true).endCell())
      .storeUint(0, 64)
      .storeMaybeRef(
        beginCell()
          .storeUint(1, 64)
          .storeUint(1, 64)
          .storeUint(1, 8)
          .storeUint(2 ** 32 - 1, 32)
          .storeUint(0, 32)
          .endCell(),
      )
      .endCell();
  const foreign = new Certificate(MALLORY, addressOf("another collection")).address;
  for (const from of [MALLORY, foreign, new Certificate(ONE, COLLECTION.address).address]) {
    expect((await ask(from, PROPOSAL.address, proof(MALLORY)))[0]?.exitCode).toBe(302);
    expect((await ask(from, GOVERNANCE.address, proof(MALLORY)))[0]?.exitCode).toBe(302);
  }
  const locked = beginCell()
    .storeUint(0x50470903, 32)
    .storeUint(0, 64)
    .storeAddress(MALLORY)
    .storeAddress(MALLORY)
    .storeCoins(5_000n)
    .storeUint(2 ** 32 - 1, 32)
    .storeBit(true)
    .endCell();
  const counted = beginCell()
    .storeUint(0x50470905, 32)
    .storeUint(0, 64)
    .storeAddress(MALLORY)
    .storeAddress(MALLORY)
    .storeUint(2, 8)
    .storeCoins(5_000n)
    .storeBit(true)
    .endCell();
  const cast = beginCell()
    .storeUint(0x50470904, 32)
    .storeUint(0, 64)
    .storeAddress(MALLORY)
    .storeCoins(1)
    .storeBit(true)
    .endCell();
  const failed = beginCell()
    .storeUint(0x50470908, 32)
    .storeUint(0, 64)
    .storeAddress(MALLORY)
    .storeInt(1, 32)
    .endCell();
  const enact = beginCell()
    .storeUint(0x50470907, 32)
    .storeUint(0, 64)
    .storeAddress(MALLORY)
    .storeUint(0, 32)
    .storeUint(3, 32)
    .storeCoins(5_000n)
    .storeRef(
      beginCell().storeAddress(REGISTRY.address).storeRef(ORDER).storeBuffer(Buffer.from(ABOUT)).endCell(),
    )
    .endCell();
  for (const from of [MALLORY, lockOf(ALICE).address, new Ballot(PROPOSAL.address, ALICE, "users").address]) {
    for (const body of [locked, counted, failed]) {
      expect((await ask(from, PROPOSAL.address, body))[0]?.exitCode).toBe(220);
    }
    expect((await ask(from, GOVERNANCE.address, enact))[0]?.exitCode).toBe(220);
  }
  await voteAsUser(chain, ALICE, true);
  const ballot = new Ballot(PROPOSAL.address, ALICE, "users").address;
  expect((await ask(MALLORY, ballot, cast))[0]?.exitCode).toBe(220);
  expect((await ask(MALLORY, PROPOSAL.address, openBody()))[0]?.exitCode).toBe(220);
});

function openBody(): Cell {
  return beginCell()
    .storeUint(0x50470902, 32)
    .storeUint(0, 64)
    .storeAddress(MALLORY)
    .storeUint(1, 32)
    .storeUint(1, 32)
    .storeUint(0, 32)
    .storeCoins(0)
    .storeRef(beginCell().endCell())
    .storeRef(beginCell().endCell())
    .endCell();
}

test("only orders of the closed list can be proposed, and the list is closed for good", async () => {
  expect((await establish(chain))[0]?.exitCode).toBe(300);
  const fresh = await startCoveredChain();
  const { address: to, init } = GOVERNANCE;
  const early = await fresh.send({
    from: MALLORY,
    to,
    valueNanogram: NANOGRAM,
    init,
    body: encodeEstablish(ELECTORATE, POWERS),
  });
  expect(early[0]?.exitCode).toBe(207);
  const proof = beginCell()
    .storeUint(0x0524c7ae, 32)
    .storeUint(0, 64)
    .storeUint(0, 256)
    .storeAddress(MALLORY);
  const unready = proof.storeRef(beginCell().endCell()).storeUint(0, 64).storeMaybeRef(null).endCell();
  expect((await fresh.send({ from: MALLORY, to, valueNanogram: NANOGRAM, body: unready }))[0]?.exitCode).toBe(
    302,
  );

  const transferOrder = beginCell().storeUint(TRANSFER_OP, 32).storeUint(0, 64).endCell();
  for (const [target, order] of [
    [REGISTRY.address, encodeSetKeys({ threshold: 1, publicKeys: [] })],
    [REGISTRY.address, beginCell().storeUint(1, 31).endCell()],
    [MALLORY, ORDER],
    [walletOf(GOVERNANCE.address).address, transferOrder],
  ] as const) {
    expect(refusal(await propose(chain, order, { target }))).toBe(301);
  }
  let long = beginCell().endCell();
  for (let cells = 0; cells < 201; cells++) long = beginCell().storeUint(cells, 32).storeRef(long).endCell();
  expect(
    refusal(
      await propose(
        chain,
        beginCell().storeUint(ORDER.beginParse().loadUint(32), 32).storeRef(long).endCell(),
      ),
    ),
  ).toBe(310);
  const poor = await propose(chain, ORDER, { valueNanogram: NANOGRAM / 100n });
  expect(refusal(poor)).toBe(202);
  expect(poor.at(-1)?.to.equals(ONE)).toBe(true);
  expect(await chain.open(GOVERNANCE).getView()).toMatchObject({
    isEstablished: true,
    proposals: 0,
    rules: RULES,
    bounds: BOUNDS,
  });
  expect(await chain.open(GOVERNANCE).getIsPower({ target: REGISTRY.address, opcode: 0x50470721 })).toBe(
    true,
  );
  expect(await chain.open(GOVERNANCE).getIsPower({ target: REGISTRY.address, opcode: 0x50470720 })).toBe(
    false,
  );
  const { stack } = await chain.blockchain
    .provider(GOVERNANCE.address)
    .get("get_proposal_address", [{ type: "int", value: 7n }]);
  expect(stack.readAddress().equals(proposalOf(7).address)).toBe(true);
});

test("an order that its target refuses can be tried again, and costs its payer little", async () => {
  const bad = encodeSetStakeParameters({ ...CHANGED, verdictMillionthsMax: 1_000_001 });
  await propose(chain, bad);
  await carry(chain);
  for (let tries = 0; tries < 2; tries++) {
    const steps = await conclude();
    expect(at(steps, REGISTRY.address)?.exitCode).toBe(292);
    const bounced = steps.find((step) => step.isBounced && step.to.equals(GOVERNANCE.address));
    expectGas("governance: bounce of an order", bounced);
    expectGas(
      "proposal: enact failed",
      steps.find((step) => step.op === 0x50470908),
    );
    expect(steps.at(-1)?.op).toBe(ORDER_FAILED_OP);
    expect(backNanogram(steps, MALLORY)).toBeGreaterThan((NANOGRAM * 9n) / 10n);
    expect(await view()).toMatchObject({ isEnacted: false, isCarried: true });
  }
});

test("whatever GRAM is attached, a decision is carried out whole, or can be tried again", async () => {
  const keys = Array.from({ length: 5 }, (_, index) => FOG_KEYS[index]?.publicKey ?? new Uint8Array(32));
  await propose(chain, encodeSetKeys({ threshold: 4, publicKeys: keys }), {
    target: GOVERNED_QUORUM.address,
  });
  await carry(chain);
  let refused = 0;
  for (let valueNanogram = 1_000_000n; valueNanogram < 60_000_000n; valueNanogram += 3_000_000n) {
    await conclude(valueNanogram);
    const { isEnacted } = await view();
    const { threshold } = await chain.open(GOVERNED_QUORUM).getView();
    expect(isEnacted).toBe(threshold === 4);
    if (!isEnacted) refused += 1;
  }
  expect(refused).toBeGreaterThan(2);
  expect(await view()).toMatchObject({ isEnacted: true });
});

test("the guardian holds decisions up for a week at most, once a month; they can be carried out after it", async () => {
  await propose(chain, ORDER);
  await carry(chain);
  const pause = async (from: Address, seconds: number) =>
    (await ask(from, GOVERNANCE.address, encodePause(seconds)))[0];
  expect((await pause(MALLORY, 60))?.exitCode).toBe(220);
  expect((await pause(GUARDIAN, 7 * DAY_SECONDS + 1))?.exitCode).toBe(255);
  expectGas("governance: pause", await pause(GUARDIAN, 7 * DAY_SECONDS));
  expect((await pause(GUARDIAN, 60))?.exitCode).toBe(256);
  const steps = await conclude();
  expect(refusal(steps)).toBe(254);
  expectGas(
    "proposal: bounce of enact",
    steps.find((step) => step.isBounced && step.to.equals(PROPOSAL.address)),
  );
  expect(steps.at(-1)?.to.equals(MALLORY)).toBe(true);
  expect(await view()).toMatchObject({ isEnacted: false });
  chain.advance(7 * DAY_SECONDS);
  await conclude();
  expect(await view()).toMatchObject({ isEnacted: true });
});

test("governance changes its own rules and guardian by proposal alone, within the bounds of genesis", async () => {
  const rules = {
    voteSeconds: 4 * DAY_SECONDS,
    timelockSeconds: 3 * DAY_SECONDS,
    buildersMin: 1,
    usersMinNano: 5n,
  };
  const target = GOVERNANCE.address;
  const orders = [
    encodeSetVotingRules(rules),
    encodeSetGuardian(MALLORY),
    encodeSetVotingRules({ ...rules, voteSeconds: 4 * DAY_SECONDS - 1 }),
    encodeSetVotingRules({ ...rules, timelockSeconds: DAY_SECONDS - 1 }),
    encodeSetVotingRules({ ...rules, voteSeconds: 12 * DAY_SECONDS }),
    encodeSetVotingRules({ ...rules, buildersMin: 3 }),
    encodeSetVotingRules({ ...rules, usersMinNano: LOCKED_NANO + 1n }),
  ];
  for (const order of orders) {
    for (const from of [MALLORY, GUARDIAN, DEPLOYER]) {
      expect((await ask(from, target, encodeOrder(order, from)))[0]?.exitCode).toBe(220);
    }
    await propose(chain, order, { target });
  }
  for (const number of orders.keys()) {
    for (const builder of BUILDERS.slice(0, 2)) await voteAsBuilder(chain, builder, true, number);
    await voteAsUser(chain, ALICE, true, { number });
  }
  chain.advance(RULES.voteSeconds + RULES.timelockSeconds);
  const first = await conclude();
  expectGas(
    "governance: set voting rules",
    first.find((step) => step.op === ORDER_OP && step.to.equals(target)),
  );
  expect(await chain.open(GOVERNANCE).getView()).toMatchObject({ rules, bounds: BOUNDS });
  const second = await conclude(NANOGRAM, 1);
  expectGas(
    "governance: set guardian",
    second.find((step) => step.op === ORDER_OP && step.to.equals(target)),
  );
  expect((await chain.open(GOVERNANCE).getView()).guardian.equals(MALLORY)).toBe(true);
  for (const number of [2, 3, 4, 5, 6]) {
    expect(refusal(await conclude(NANOGRAM, number))).toBe(309);
    expect(await view(number)).toMatchObject({ isEnacted: false });
  }
  expect((await chain.open(GOVERNANCE).getView()).rules).toEqual(rules);
});

test("locked PINGO is the owner's again when what it voted on can be carried out, to the last nano", async () => {
  expect(await chain.open(lockOf(MALLORY)).getView()).toBeNull();
  await propose(chain, ORDER);
  expect(refusal(await voteAsUser(chain, ALICE, true, { lockedSeconds: RULES.voteSeconds }))).toBe(304);
  expect(refusal(await voteAsUser(chain, ALICE, true, { lockedSeconds: 101 * DAY_SECONDS }))).toBe(305);
  expect(refusal(await voteAsUser(chain, ALICE, true, { valueNanogram: NANOGRAM / 1000n }))).toBe(202);
  await voteAsUser(chain, ALICE, true);
  const forAll = lockOf(ALICE).address;
  const vote = beginCell().storeUint(0x50470910, 32).storeUint(0, 64).storeAddress(PROPOSAL.address);
  const body = vote.storeUint(chain.nowUnixS, 32).storeBit(false).endCell();
  expect((await ask(MALLORY, forAll, body))[0]?.exitCode).toBe(201);
  expect((await ask(MALLORY, forAll, encodeUnlock()))[0]?.exitCode).toBe(201);
  expect(refusal(await unlock(ALICE))).toBe(306);
  chain.advance(RULES.voteSeconds + RULES.timelockSeconds);
  expect(refusal(await unlock(ALICE, NANOGRAM / 1000n))).toBe(202);
  const before = await balanceNano(chain, ALICE);
  const steps = await unlock(ALICE);
  expectGas("lock: unlock", steps[0]);
  expect(await balanceNano(chain, ALICE)).toBe(before + LOCKED_NANO);
  expect(await balanceNano(chain, ALICE)).toBe(2n * SHARE_NANO);
  expect(refusal(await unlock(ALICE))).toBe(203);
  expect(refusal(await voteAsUser(chain, ALICE, true))).toBe(203);
});

test("tokens that a wallet could not send or take stay in the lock", async () => {
  for (const op of [TRANSFER_OP, INTERNAL_TRANSFER_OP]) {
    const loose = new LooseChain(chain);
    loose.post({ from: BOB, to: lockOf(BOB).address, valueNanogram: NANOGRAM, body: encodeUnlock() });
    const steps = await loose.drain(op);
    const told = steps.find((step) => step.op === TRANSFER_RETURNED_OP);
    if (op === INTERNAL_TRANSFER_OP) expectGas("lock: take back", told);
    else
      expectGas(
        "lock: bounce",
        steps.find((step) => step.isBounced && step.to.equals(lockOf(BOB).address)),
      );
    expect(steps.at(-1)?.to.equals(BOB)).toBe(true);
    expect(await chain.open(lockOf(BOB)).getView()).toMatchObject({ amountNano: LOCKED_NANO });
  }
  expect((await ask(MALLORY, lockOf(BOB).address, transferReturned(5n, BOB)))[0]?.exitCode).toBe(205);
});

test("tokens of another minter, or a stranger's word for them, do not vote", async () => {
  const note = beginCell().storeUint(TRANSFER_NOTIFICATION_OP, 32).storeUint(0, 64).storeCoins(500);
  const body = note.storeAddress(MALLORY).storeBit(false).endCell();
  const to = lockOf(ALICE).address;
  const foreign = new PingoWallet(to, new PingoMinter(MALLORY).address).address;
  for (const from of [MALLORY, foreign, walletOf(ALICE).address]) {
    expect((await ask(from, to, body))[0]?.exitCode).toBe(205);
  }
  const steps = await lock(chain, ALICE, 5n);
  expectGas(
    "lock: deposit",
    steps.find((step) => step.op === TRANSFER_NOTIFICATION_OP),
  );
  expect(await chain.open(lockOf(ALICE)).getView()).toMatchObject({
    amountNano: LOCKED_NANO + 5n,
    untilUnixS: 0,
  });
});

test("nothing can be asked of a proposal that was never opened", async () => {
  const { address: to, init } = proposalOf(9);
  await chain.send({ from: MALLORY, to, valueNanogram: NANOGRAM, init });
  expect((await ask(MALLORY, to, encodeConclude()))[0]?.exitCode).toBe(272);
  const certificate = new Certificate(ONE, COLLECTION.address).address;
  const vote = encodeProveOwnership(to, beginCell().storeBit(true).endCell());
  expect(refusal(await ask(ONE, certificate, vote))).toBe(272);
  expect(await chain.open(proposalOf(8)).getView()).toBeNull();
});

test("a proposal that could not be opened costs its payer nothing but the way", async () => {
  const loose = new LooseChain(chain);
  const call = { target: REGISTRY.address, order: ORDER, about: ABOUT };
  const to = new Certificate(ONE, COLLECTION.address).address;
  loose.post({ from: ONE, to, valueNanogram: NANOGRAM, body: encodePropose(GOVERNANCE.address, call) });
  const steps = await loose.drain(0x50470902);
  expect(steps.at(-1)).toMatchObject({ op: ORDER_FAILED_OP });
  expect(steps.at(-1)?.to.equals(ONE)).toBe(true);
  expect(steps.at(-1)?.valueNanogram).toBeGreaterThan((NANOGRAM * 9n) / 10n);
});

test("unknown messages are refused; what is left over and GRAM without words are kept", async () => {
  await propose(chain, ORDER);
  await voteAsUser(chain, ALICE, true);
  const noise = beginCell().storeUint(5, 32).storeUint(0, 64).endCell();
  const excesses = beginCell().storeUint(EXCESSES_OP, 32).storeUint(0, 64).endCell();
  const ballot = new Ballot(PROPOSAL.address, ALICE, "users").address;
  for (const to of [GOVERNANCE.address, PROPOSAL.address, ballot, lockOf(ALICE).address]) {
    expect((await ask(MALLORY, to, noise))[0]?.exitCode).toBe(65535);
    expect((await ask(MALLORY, to, beginCell().endCell()))[0]?.exitCode).toBe(0);
  }
  expect((await ask(MALLORY, lockOf(ALICE).address, excesses))[0]?.exitCode).toBe(0);
});

test("no vote asks of stakes what nobody has", async () => {
  const parameters = { providerStakeMinNano: 1n, fogStakeMinNano: 1n, verdictMillionthsMax: 1 };
  const most = SHARE_NANO / 250n;
  for (const changed of [
    { providerStakeMinNano: most + 1n },
    { fogStakeMinNano: most + 1n },
    { providerStakeMinNano: most },
  ])
    await propose(chain, encodeSetStakeParameters({ ...parameters, ...changed }));
  for (const number of [0, 1, 2]) {
    for (const builder of BUILDERS.slice(0, 2)) await voteAsBuilder(chain, builder, true, number);
    await voteAsUser(chain, ALICE, true, { number });
  }
  chain.advance(RULES.voteSeconds + RULES.timelockSeconds);
  expect(at(await conclude(NANOGRAM, 0), REGISTRY.address)?.exitCode).toBe(293);
  expect(at(await conclude(NANOGRAM, 1), REGISTRY.address)?.exitCode).toBe(293);
  expect(at(await conclude(NANOGRAM, 2), REGISTRY.address)?.exitCode).toBe(0);
});

test("a lock books what came without a notice, told late by whoever asks; nobody else says that any came", async () => {
  const { address: to } = lockOf(ALICE);
  expectGas("lock: late notice", (await tellLate(chain, to, 500n))[1]);
  expect((await ask(MALLORY, to, lateNotice(5n)))[0]?.exitCode).toBe(205);
  expect((await chain.open(lockOf(ALICE)).getView())?.amountNano).toBe(LOCKED_NANO + 500n);
});
