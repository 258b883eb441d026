/** Governance over a quorum, certificates and a registry, for tests: three builders, and users with PINGO. */
import type { Address, Cell } from "@ton/core";
import { Certificate, CertificateCollection, encodeIssue } from "../src/certificate/certificate.ts";
import { encodeEstablish, Governance, type VotingRules } from "../src/governance/governance.ts";
import { encodeLockedVote, Lock } from "../src/governance/lock.ts";
import { powersOver } from "../src/governance/powers.ts";
import { encodeBuilderVote, encodePropose, Proposal } from "../src/governance/proposal.ts";
import { encodeOrder } from "../src/quorum/order.ts";
import { Quorum } from "../src/quorum/quorum.ts";
import { Registry } from "../src/registry/registry.ts";
import { addressOf, type Chain, NANOGRAM, type Step } from "../src/testing/index.ts";
import { ALICE, BOB, CAROL, DEPLOYER, MINTER, sendGenesis, transfer } from "./genesis.ts";
import { FOG_KEYS } from "./quorum-of.ts";

export const DAY_SECONDS = 24 * 3600;
export const GUARDIAN = addressOf("guardian");
/** Stands for the quorum of fog nodes where it issues. */
export const ISSUER = addressOf("issuer");
export const BUILDERS = ["builder one", "builder two", "builder three"].map(addressOf);
export const RULES: VotingRules = {
  voteSeconds: 5 * DAY_SECONDS,
  timelockSeconds: 2 * DAY_SECONDS,
  buildersMin: 2,
  usersMinNano: 1_000n,
};
export const BOUNDS = {
  voteSecondsMin: 4 * DAY_SECONDS,
  timelockSecondsMin: DAY_SECONDS,
  decisionSecondsMax: 14 * DAY_SECONDS,
};
export const GOVERNANCE = new Governance(DEPLOYER, GUARDIAN, RULES, BOUNDS);
export const GOVERNED_QUORUM = new Quorum(
  { threshold: 3, publicKeys: FOG_KEYS.map((key) => key.publicKey) },
  GOVERNANCE.address,
);
export const COLLECTION = new CertificateCollection(ISSUER, GOVERNANCE.address);
export const REGISTRY = new Registry(
  { minter: MINTER.address, treasury: addressOf("treasury"), unbondingSeconds: DAY_SECONDS },
  { providerStakeMinNano: 1n, fogStakeMinNano: 2n, verdictMillionthsMax: 3 },
  { quorum: ISSUER, governor: GOVERNANCE.address, guardian: GUARDIAN },
);
export const ELECTORATE = {
  collection: COLLECTION.address,
  governance: GOVERNANCE.address,
  minter: MINTER.address,
};
export const POWERS = powersOver({
  governance: GOVERNANCE.address,
  quorum: GOVERNED_QUORUM.address,
  certificates: COLLECTION.address,
  compute: addressOf("compute"),
  fog: addressOf("fog"),
  registry: REGISTRY.address,
});
export const LOCKED_NANO = 1_000_000n;
export const ABOUT = new Uint8Array(32).fill(9);

/** PINGO exists, every contract stands, the builders have certificates, and Alice, Bob and Carol locked. */
export async function startGovernance(chain: Chain): Promise<void> {
  await sendGenesis(chain);
  for (const { address, init } of [GOVERNED_QUORUM, COLLECTION, REGISTRY]) {
    await chain.send({ from: DEPLOYER, to: address, valueNanogram: NANOGRAM / 10n, init });
  }
  await establish(chain);
  for (const builder of BUILDERS) await issue(chain, builder);
  chain.advance(1);
  for (const owner of [ALICE, BOB, CAROL]) await lock(chain, owner, LOCKED_NANO);
}

export async function establish(chain: Chain, from = DEPLOYER): Promise<readonly Step[]> {
  const body = encodeEstablish(ELECTORATE, POWERS);
  const { address: to, init } = GOVERNANCE;
  return await chain.send({ from, to, valueNanogram: NANOGRAM, init, body });
}

export async function issue(chain: Chain, owner: Address, days = 90): Promise<void> {
  const validUntilUnixS = chain.nowUnixS + days * DAY_SECONDS;
  const order = encodeIssue(owner, { millicores: 1n, bytes: 1n, tier: 1, validUntilUnixS });
  const body = encodeOrder(order, ISSUER);
  await chain.send({ from: ISSUER, to: COLLECTION.address, valueNanogram: NANOGRAM, body });
}

export function lockOf(owner: Address): Lock {
  return new Lock(owner, GOVERNANCE.address, MINTER.address);
}

/** Deployed by a first message without words, then funded. */
export async function lock(chain: Chain, owner: Address, amountNano: bigint): Promise<readonly Step[]> {
  const { address: to, init } = lockOf(owner);
  await chain.send({ from: owner, to, valueNanogram: NANOGRAM / 100n, init });
  return await transfer(chain, owner, { amountNano, to, forwardNanogram: NANOGRAM / 200n });
}

export function proposalOf(number: number): Proposal {
  return new Proposal(number, GOVERNANCE.address);
}

export async function propose(
  chain: Chain,
  order: Cell,
  { target = REGISTRY.address, builder = BUILDERS[0], valueNanogram = NANOGRAM } = {},
): Promise<readonly Step[]> {
  if (!builder) throw new Error("there is a first builder");
  const body = encodePropose(GOVERNANCE.address, { target, order, about: ABOUT }, 5n);
  return await askCertificate(chain, builder, body, valueNanogram);
}

export async function voteAsBuilder(chain: Chain, builder: Address, isFor: boolean, number = 0) {
  return await askCertificate(chain, builder, encodeBuilderVote(proposalOf(number).address, isFor));
}

export async function askCertificate(
  chain: Chain,
  owner: Address,
  body: Cell,
  valueNanogram = NANOGRAM,
): Promise<readonly Step[]> {
  const { address: to } = new Certificate(owner, COLLECTION.address);
  return await chain.send({ from: owner, to, valueNanogram, body });
}

export async function voteAsUser(
  chain: Chain,
  owner: Address,
  isFor: boolean,
  { number = 0, lockedSeconds = RULES.voteSeconds + RULES.timelockSeconds, valueNanogram = NANOGRAM } = {},
): Promise<readonly Step[]> {
  const body = encodeLockedVote(proposalOf(number).address, chain.nowUnixS + lockedSeconds, isFor, 6n);
  return await chain.send({ from: owner, to: lockOf(owner).address, valueNanogram, body });
}

/** Two builders and two users carry it, and the timelock passes. */
export async function carry(chain: Chain, number = 0): Promise<void> {
  for (const builder of BUILDERS.slice(0, 2)) await voteAsBuilder(chain, builder, true, number);
  for (const owner of [ALICE, BOB]) await voteAsUser(chain, owner, true, { number });
  chain.advance(RULES.voteSeconds + RULES.timelockSeconds);
}
