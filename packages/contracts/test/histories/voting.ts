/** Histories of certificates, and of votes by them and by locked PINGO. */
import type { Address, Cell } from "@ton/core";
import {
  Certificate,
  encodeDestroy,
  encodeIssue,
  encodeLapse,
  encodeProveOwnership,
  encodeRequestOwner,
  encodeTakeExcess,
  encodeWithdraw,
} from "../../src/certificate/certificate.ts";
import { encodePause } from "../../src/claims/distributor.ts";
import { encodeLockedVote, encodeUnlock } from "../../src/governance/lock.ts";
import { Ballot, encodeBuilderVote, encodeConclude, encodePropose } from "../../src/governance/proposal.ts";
import { encodeTransfer } from "../../src/jetton/pingo-wallet.ts";
import { encodeOrder } from "../../src/quorum/order.ts";
import { encodeSetStakeParameters } from "../../src/registry/registry.ts";
import { type Chain, NANOGRAM } from "../../src/testing/index.ts";
import { ALICE, BOB, CAROL, MALLORY, SHARE_NANO, walletOf } from "../genesis.ts";
import {
  ABOUT,
  BUILDERS,
  COLLECTION,
  carry,
  DAY_SECONDS,
  GOVERNANCE,
  GUARDIAN,
  ISSUER,
  lockOf,
  proposalOf,
  propose,
  REGISTRY,
  RULES,
  startGovernance,
} from "../governance-of.ts";
import { bookedNano, expectSame, heldNano, message, type Story, strayMoves, tellOwner } from "./history.ts";

const [ONE = ALICE] = BUILDERS;
const USERS = [ALICE, BOB, CAROL] as const;
const PROPOSAL = proposalOf(0);
const CHANGED = { providerStakeMinNano: 7n, fogStakeMinNano: 8n, verdictMillionthsMax: 9 };
const OF_ALICE = new Certificate(ALICE, COLLECTION.address);
const PAYLOAD = encodeDestroy();

function pick(people: readonly Address[], amount: number): Address {
  return people[amount % people.length] ?? ALICE;
}

async function ask(chain: Chain, from: Address, to: Address, body: Cell) {
  return await chain.send({ from, to, valueNanogram: NANOGRAM, body });
}

function order(body: Cell) {
  return message(ISSUER, COLLECTION.address, encodeOrder(body, MALLORY));
}

export const certificateStory: Story = {
  name: "certificate",
  waitSeconds: 30 * DAY_SECONDS,
  owners: USERS.slice(0, 0).concat(...USERS.map((owner) => lockOf(owner).address)),
  contracts: [COLLECTION.address, OF_ALICE.address],
  moves: [
    (chain, amount) =>
      order(
        encodeIssue(ALICE, {
          millicores: BigInt(amount),
          bytes: 1n,
          tier: amount % 5,
          validUntilUnixS: chain.nowUnixS + (amount % 120) * DAY_SECONDS,
        }),
      ),
    () => order(encodeWithdraw(ALICE)),
    (_chain, _amount, isOwner) => message(isOwner ? ALICE : MALLORY, OF_ALICE.address, encodeDestroy()),
    (_chain, _amount, isOwner) => message(isOwner ? ALICE : MALLORY, OF_ALICE.address, encodeTakeExcess()),
    () => message(MALLORY, OF_ALICE.address, encodeLapse()),
    (_chain, amount, isOwner) =>
      message(
        isOwner ? ALICE : MALLORY,
        OF_ALICE.address,
        encodeProveOwnership(pick([GOVERNANCE.address, MALLORY], amount), PAYLOAD),
      ),
    () => message(BOB, OF_ALICE.address, encodeRequestOwner(GOVERNANCE.address, PAYLOAD)),
    (_chain, amount) => {
      const forged = encodeIssue(MALLORY, {
        millicores: 1n,
        bytes: 1n,
        tier: 1,
        validUntilUnixS: 2 ** 32 - 1,
      });
      return message(
        pick([MALLORY, ALICE, GOVERNANCE.address], amount),
        COLLECTION.address,
        encodeOrder(forged, MALLORY),
      );
    },
  ],
  start: async (chain) => await startGovernance(chain),
  check: async (chain) => {
    const stolen = await chain.open(new Certificate(MALLORY, COLLECTION.address)).getView();
    if (stolen !== null) throw new Error("somebody has a certificate that the quorum did not issue");
    if ((await chain.dataOf(OF_ALICE.address)) === null) return;
    const view = await chain.open(OF_ALICE).getView();
    const owner = await chain.open(OF_ALICE).getOwner();
    if (owner !== null && !owner.equals(ALICE)) throw new Error("a certificate changed hands");
    if (view && view.validUntilUnixS > chain.nowUnixS + 100 * DAY_SECONDS) throw new Error("valid too long");
    if (view && view.sinceUnixS > chain.nowUnixS) throw new Error("since the future");
  },
  finish: async (chain) => {
    const validUntilUnixS = chain.nowUnixS + DAY_SECONDS;
    const issued = encodeIssue(ALICE, { millicores: 2n, bytes: 3n, tier: 4, validUntilUnixS });
    await ask(chain, ISSUER, COLLECTION.address, encodeOrder(issued, MALLORY));
    const view = await chain.open(OF_ALICE).getView();
    if (view?.validUntilUnixS !== validUntilUnixS || view.revokedAtUnixS !== 0)
      throw new Error("a certificate could not be issued any more");
  },
};

export const governanceStory: Story = {
  name: "governance",
  waitSeconds: DAY_SECONDS,
  owners: USERS.map((owner) => lockOf(owner).address),
  contracts: [
    GOVERNANCE.address,
    PROPOSAL.address,
    ...USERS.map((owner) => lockOf(owner).address),
    ...BUILDERS.map((owner) => new Ballot(PROPOSAL.address, owner, "builders").address),
    ...USERS.map((owner) => new Ballot(PROPOSAL.address, owner, "users").address),
  ],
  moves: [
    (_chain, amount, isFor) => {
      const builder = pick(BUILDERS, amount);
      const { address: to } = new Certificate(builder, COLLECTION.address);
      return message(builder, to, encodeBuilderVote(PROPOSAL.address, isFor));
    },
    (chain, amount, isFor) => {
      const user = pick(USERS, amount);
      const seconds = amount < 1_000 ? RULES.voteSeconds + RULES.timelockSeconds : amount;
      return message(
        user,
        lockOf(user).address,
        encodeLockedVote(PROPOSAL.address, chain.nowUnixS + seconds, isFor),
      );
    },
    (_chain, amount) => message(pick(USERS, amount), lockOf(pick(USERS, amount)).address, encodeUnlock()),
    (_chain, amount) => {
      const user = pick(USERS, amount);
      const forward = { forwardNanogram: NANOGRAM / 200n, excessesTo: user };
      const body = encodeTransfer({ amountNano: BigInt(amount), to: lockOf(user).address, ...forward });
      return message(user, walletOf(user).address, body);
    },
    () => message(MALLORY, PROPOSAL.address, encodeConclude()),
    (chain) => {
      chain.advance(RULES.voteSeconds);
      return message(MALLORY, PROPOSAL.address, encodeConclude());
    },
    (_chain, amount) => message(GUARDIAN, GOVERNANCE.address, encodePause(amount)),
    () => {
      const call = { target: REGISTRY.address, order: encodeSetStakeParameters(CHANGED), about: ABOUT };
      const { address: to } = new Certificate(ONE, COLLECTION.address);
      return message(ONE, to, encodePropose(GOVERNANCE.address, call));
    },
    ...strayMoves(lockOf(ALICE).address),
  ],
  start: async (chain) => {
    await startGovernance(chain);
    await propose(chain, encodeSetStakeParameters(CHANGED));
  },
  check: async (chain) => await expectVotes(chain),
  finish: async (chain) => {
    await carry(chain);
    await ask(chain, MALLORY, PROPOSAL.address, encodeConclude());
    await expectVotes(chain);
    chain.advance(100 * DAY_SECONDS);
    for (const owner of USERS) {
      await tellOwner(chain, lockOf(owner).address);
      await ask(chain, owner, lockOf(owner).address, encodeUnlock());
    }
    expectSame(await heldNano(chain, ALICE), 2n * SHARE_NANO, "Alice's");
    for (const owner of [BOB, CAROL]) expectSame(await heldNano(chain, owner), SHARE_NANO, "a user's");
  },
};

/** Ballots and counts agree, locks hold what they say, and only what was carried was done. */
async function expectVotes(chain: Chain): Promise<void> {
  const view = await chain.open(PROPOSAL).getView();
  if (!view) throw new Error("the proposal stands");
  let [builders, users] = [0, 0];
  for (const owner of BUILDERS) {
    if (await chain.open(new Ballot(PROPOSAL.address, owner, "builders")).getIsCast()) builders += 1;
  }
  for (const owner of USERS) {
    if (await chain.open(new Ballot(PROPOSAL.address, owner, "users")).getIsCast()) users += 1;
    const lock = await chain.open(lockOf(owner)).getView();
    expectSame(await bookedNano(chain, lockOf(owner).address), lock?.amountNano ?? 0n, "lock and books");
  }
  expectSame(
    BigInt(view.builders.for + view.builders.against),
    BigInt(builders),
    "builders' votes and ballots",
  );
  const weighedNano = view.users.forNano + view.users.againstNano;
  if (weighedNano < BigInt(users)) throw new Error("a user's vote weighs nothing");
  if (users === 0 && weighedNano > 0n) throw new Error("votes without voters");
  const { parameters } = await chain.open(REGISTRY).getView();
  const isDone = parameters.verdictMillionthsMax === CHANGED.verdictMillionthsMax;
  if (isDone !== view.isEnacted || (isDone && !view.isCarried)) throw new Error("done and decided differ");
}
