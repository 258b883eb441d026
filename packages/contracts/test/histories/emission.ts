/** Histories of what is given to contributors, and lost by them: distributor, stake. */
import { keyPairOfSeed } from "@pingo/core";
import type { Address, Cell } from "@ton/core";
import { encodePayOwed } from "../../src/channel/channel.ts";
import { ClaimTree } from "../../src/claims/claim-tree.ts";
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
} from "../../src/claims/distributor.ts";
import { encodeTransfer } from "../../src/jetton/pingo-wallet.ts";
import { encodeOrder } from "../../src/quorum/order.ts";
import { GLOBAL_ID } from "../../src/quorum/quorum.ts";
import { encodeConvict, Registry } from "../../src/registry/registry.ts";
import {
  encodeCollect,
  encodeProveEquivocation,
  encodeRegister,
  encodeUnbond,
} from "../../src/registry/stake.ts";
import { signRegistration, signStatement } from "../../src/registry/statement.ts";
import { addressOf, type Chain, NANOGRAM, START_UNIX_S } from "../../src/testing/index.ts";
import { ALICE, BOB, CAROL, MALLORY, MINTER, sendGenesis, transfer, walletOf } from "../genesis.ts";
import { bookedNano, expectSame, heldNano, message, type Story, strayMoves, tellOwner } from "./history.ts";

const QUORUM = addressOf("quorum");
const GOVERNOR = addressOf("governor");
const GUARDIAN = addressOf("guardian");
const HOUR_SECONDS = 3600;
const BUDGET_NANO = 10_000n;
const AUTHORITIES = { quorum: QUORUM, governor: GOVERNOR, guardian: GUARDIAN };
const OWNERS = [addressOf("dave"), addressOf("erin")] as const;
/** By epoch: the third gives Dave less than the second did. */
const TREES = [
  [100n, 100n],
  [300n, 150n],
  [200n, 900n],
].map(
  (amounts) =>
    new ClaimTree(OWNERS.map(({ hash: owner }, at) => ({ owner, cumulativeNano: amounts[at] ?? 0n }))),
);

const vaultOf = (budgetNano: bigint) =>
  new Distributor(
    {
      minter: MINTER.address,
      startUnixS: START_UNIX_S,
      epochSeconds: HOUR_SECONDS,
      epochsPerEra: 2,
      windowSeconds: HOUR_SECONDS,
      resolveSeconds: HOUR_SECONDS,
      budgetNano,
      bondNanogram: NANOGRAM / 20n,
      stream: 0,
    },
    AUTHORITIES,
  );
const VAULT = vaultOf(BUDGET_NANO);

function treeAt(amount: number): ClaimTree {
  const tree = TREES[amount % TREES.length];
  if (!tree) throw new Error("there are three trees");
  return tree;
}

function ownerBy(flag: boolean): Address {
  return flag ? OWNERS[0] : OWNERS[1];
}

async function ask(chain: Chain, from: Address, to: Address, body: Cell) {
  return await chain.send({ from, to, valueNanogram: NANOGRAM, body });
}

export const distributorStory: Story = {
  name: "distributor",
  waitSeconds: HOUR_SECONDS,
  owners: [...OWNERS, VAULT.address],
  contracts: [VAULT.address, ...OWNERS.map((owner) => new ClaimRecord(owner, VAULT.address).address)],
  moves: [
    (_chain, amount) => {
      const tree = treeAt(amount);
      const order = encodePostRoot({
        epoch: 1 + (amount % TREES.length),
        root: tree.root,
        totalNano: tree.totalNano,
      });
      return message(QUORUM, VAULT.address, encodeOrder(order, MALLORY));
    },
    (_chain, amount, flag) => {
      const owner = ownerBy(flag);
      return message(MALLORY, VAULT.address, encodeClaim(owner, treeAt(amount).proofOf(owner.hash)));
    },
    (_chain, amount, flag) => {
      const owner = ownerBy(flag);
      return message(BOB, VAULT.address, encodeClaim(owner, treeAt(amount).proofOf(owner.hash)));
    },
    () => message(CAROL, VAULT.address, encodeChallenge()),
    () => message(MALLORY, VAULT.address, encodeDropChallenged()),
    (_chain, amount, isUpheld) =>
      message(GOVERNOR, VAULT.address, encodeOrder(encodeResolve(treeAt(amount).root, isUpheld), MALLORY)),
    (_chain, amount, flag) => {
      const { hash } = ownerBy(flag);
      const [before, after] = [treeAt(amount).proofOf(hash), treeAt(amount + 1).proofOf(hash)];
      return message(MALLORY, VAULT.address, encodeProveDecrease(ownerBy(flag), before, after));
    },
    () => message(GUARDIAN, VAULT.address, encodePause(HOUR_SECONDS)),
    (_chain, amount) => {
      const forward = { forwardNanogram: NANOGRAM / 200n, excessesTo: ALICE };
      const body = encodeTransfer({ amountNano: BigInt(amount), to: VAULT.address, ...forward });
      return message(ALICE, walletOf(ALICE).address, body);
    },
    ...strayMoves(VAULT.address),
  ],
  start: async (chain) => {
    await sendGenesis(chain, [{ owner: VAULT.address, amountNano: BUDGET_NANO }]);
    await chain.send({ from: ALICE, to: VAULT.address, valueNanogram: NANOGRAM / 10n, init: VAULT.init });
    for (const tree of TREES.slice(0, 1)) {
      chain.advance(HOUR_SECONDS);
      const order = encodePostRoot({ epoch: 1, root: tree.root, totalNano: tree.totalNano });
      await ask(chain, QUORUM, VAULT.address, encodeOrder(order, MALLORY));
      chain.advance(HOUR_SECONDS);
    }
  },
  check: async (chain) => await expectPaid(chain),
  finish: async (chain) => {
    await tellOwner(chain, VAULT.address);
    chain.advance(5 * HOUR_SECONDS);
    await ask(chain, MALLORY, VAULT.address, encodeDropChallenged());
    const { active } = await chain.open(VAULT).getView();
    const tree = TREES.find(({ root }) => root === active.root);
    if (!tree) throw new Error("a root of ours is in force");
    for (const owner of OWNERS) {
      await ask(chain, MALLORY, VAULT.address, encodeClaim(owner, tree.proofOf(owner.hash)));
      const givenNano = tree.amountOf(owner.hash);
      // A root that fell may have paid more before: what was paid stays paid.
      if ((await heldNano(chain, owner)) < givenNano) throw new Error(`not all of ${givenNano} was paid`);
    }
    await expectPaid(chain);
  },
};

async function expectPaid(chain: Chain): Promise<void> {
  const vault = chain.open(VAULT);
  const [{ paidNano }, returnedNano] = [await vault.getView(), await vault.getReturnedNano()];
  let receivedNano = 0n;
  for (const owner of OWNERS) {
    const heldOf = await heldNano(chain, owner);
    expectSame(
      await chain.open(new ClaimRecord(owner, VAULT.address)).getPaidNano(),
      heldOf,
      "record and wallet",
    );
    receivedNano += heldOf;
  }
  expectSame(receivedNano, paidNano, "received and paid");
  const leftNano = BUDGET_NANO + returnedNano - paidNano;
  expectSame(await bookedNano(chain, VAULT.address), leftNano, "held and books");
}

const TREASURY = vaultOf(0n);
const REGISTRY = new Registry(
  { minter: MINTER.address, treasury: TREASURY.address, unbondingSeconds: HOUR_SECONDS },
  { providerStakeMinNano: 1n, fogStakeMinNano: 1n, verdictMillionthsMax: 500_000 },
  AUTHORITIES,
);
const NODE_KEY = keyPairOfSeed(new Uint8Array(32).fill(41));
const STAKE = REGISTRY.stakeOf(NODE_KEY.publicKey, "provider");
const STAKED_NANO = 1_000n;

function wordOn(slot: number, answer: number) {
  const statement = { registry: REGISTRY.address, globalId: GLOBAL_ID.mainnet };
  const hashed = (fill: number) => new Uint8Array(32).fill(fill);
  return signStatement(NODE_KEY, { ...statement, slot: hashed(slot), commitment: hashed(answer) });
}

export const stakeStory: Story = {
  name: "stake",
  waitSeconds: HOUR_SECONDS,
  owners: [TREASURY.address, STAKE.address],
  contracts: [STAKE.address, REGISTRY.address, TREASURY.address],
  moves: [
    (_chain, amount) => message(ALICE, STAKE.address, encodeUnbond(BigInt(amount))),
    () => message(MALLORY, STAKE.address, encodeCollect()),
    (_chain, amount) => {
      const forward = { forwardNanogram: NANOGRAM / 200n, excessesTo: ALICE };
      const body = encodeTransfer({ amountNano: BigInt(amount), to: STAKE.address, ...forward });
      return message(ALICE, walletOf(ALICE).address, body);
    },
    (_chain, amount) => {
      const slot = amount % 3;
      const verdict = { slot: new Uint8Array(32).fill(slot), signed: wordOn(slot, 1) };
      const found = {
        reexecuted: new Uint8Array(32).fill(2),
        evidence: new Uint8Array(32),
        millionths: amount * 300,
      };
      const order = encodeConvict(NODE_KEY.publicKey, "provider", { ...verdict, ...found });
      return message(QUORUM, REGISTRY.address, encodeOrder(order, MALLORY));
    },
    (_chain, amount, isFraud) => {
      const slot = new Uint8Array(32).fill(amount % 3);
      const words = [wordOn(amount % 3, 1), wordOn(amount % 3, isFraud ? 2 : 1)] as const;
      return message(MALLORY, STAKE.address, encodeProveEquivocation(slot, ...words));
    },
    () => message(MALLORY, STAKE.address, encodePayOwed()),
    ...strayMoves(STAKE.address),
    ...strayMoves(TREASURY.address),
  ],
  start: async (chain) => {
    await sendGenesis(chain);
    for (const { address: to, init } of [REGISTRY, TREASURY])
      await chain.send({ from: ALICE, to, valueNanogram: NANOGRAM / 10n, init });
    const signature = signRegistration(NODE_KEY, STAKE.address, GLOBAL_ID.mainnet, ALICE);
    const { address: to, init } = STAKE;
    const body = encodeRegister({ millicores: 1n, bytes: 1n }, signature);
    await chain.send({ from: ALICE, to, valueNanogram: NANOGRAM / 10n, init, body });
    await transfer(chain, ALICE, { amountNano: STAKED_NANO, to, forwardNanogram: NANOGRAM / 200n });
  },
  check: async (chain) => {
    const view = await chain.open(STAKE).getView();
    if (!view) throw new Error("the stake stands");
    const booksNano = view.stakedNano + view.unbondingNano + view.owedNano;
    expectSame(await bookedNano(chain, STAKE.address), booksNano, "held and books");
    const treasuryNano = await bookedNano(chain, TREASURY.address);
    expectSame(await chain.open(TREASURY).getReturnedNano(), treasuryNano, "the treasury's");
  },
  finish: async (chain) => {
    await tellOwner(chain, STAKE.address);
    const view = await chain.open(STAKE).getView();
    await ask(chain, ALICE, STAKE.address, encodeUnbond(view?.stakedNano ?? 0n));
    chain.advance(HOUR_SECONDS);
    await ask(chain, MALLORY, STAKE.address, encodeCollect());
    await ask(chain, MALLORY, STAKE.address, encodePayOwed());
    expectSame(await heldNano(chain, STAKE.address), 0n, "left in the stake");
    await tellOwner(chain, TREASURY.address);
    const treasuryNano = await bookedNano(chain, TREASURY.address);
    expectSame(await chain.open(TREASURY).getReturnedNano(), treasuryNano, "the treasury's");
  },
};
