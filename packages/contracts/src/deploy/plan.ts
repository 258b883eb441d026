/**
 * What a deployment sends, and where everything then is. Pure: one genesis file, one plan, one set of addresses.
 *
 * Contracts come first and genesis last, so the supply is written only into vaults that stand.
 */
import type { Address, Cell } from "@ton/core";
import { CertificateCollection } from "../certificate/certificate.ts";
import { Airdrop } from "../claims/airdrop.ts";
import { type Authorities, Distributor } from "../claims/distributor.ts";
import { encodeEstablish, Governance } from "../governance/governance.ts";
import { powersOver } from "../governance/powers.ts";
import type { StateInit, Undeployed } from "../init.ts";
import { type Allocation, encodeGenesis, PingoMinter } from "../jetton/pingo-minter.ts";
import { Quorum } from "../quorum/quorum.ts";
import { Registry } from "../registry/registry.ts";
import { Vesting } from "../vesting/vesting.ts";
import { type GenesisFile, PARTS, PAUSE_SECONDS_MAX, partNano, vaultsOf } from "./genesis-file.ts";

const NANOGRAM = 1_000_000_000n;
const NANO_PER_PINGO = 1_000_000_000n;
/** Years of rent for each; what is not needed stays with the contract. */
const STAND_NANOGRAM = NANOGRAM / 20n;
/** Its list of powers and the codes that it deploys are the largest of all; the rest comes back. */
const GOVERNANCE_NANOGRAM = NANOGRAM / 10n;
/** For the minter and a wallet of each vault; the rest comes back. */
const GENESIS_NANOGRAM = NANOGRAM;

export interface Letter {
  readonly to: Address;
  readonly valueNanogram: bigint;
  readonly init: StateInit;
  readonly body: Cell | undefined;
}

/** Addresses by name, in the form `0:…` that every reader understands. */
export type AddressBook = Readonly<Record<string, string>>;

export interface Deployment {
  readonly letters: readonly Letter[];
  readonly addressBook: AddressBook;
}

export function planDeployment(genesis: GenesisFile): Deployment {
  const minter = new PingoMinter(genesis.deployer);
  const governance = governanceOf(genesis);
  const governor = governance.address;
  const quorum = new Quorum(genesis.quorum, governor);
  const certificates = new CertificateCollection(quorum.address, governor);
  const standing: Record<string, Undeployed> = { quorum, certificates };
  const allocations: Allocation[] = [];
  const allocate = (name: string, vault: Undeployed, amountNano: bigint) => {
    standing[name] = vault;
    allocations.push({ owner: vault.address, amountNano });
  };

  const authorities = { quorum: quorum.address, governor, guardian: genesis.guardian };
  const compute = distributorOf(genesis, minter.address, authorities, "compute");
  const fog = distributorOf(genesis, minter.address, authorities, "fog");
  allocate("compute", compute, partNano("compute"));
  allocate("fog", fog, partNano("fog"));
  const registry = registryOf(genesis, minter.address, authorities, compute.address);
  standing["registry"] = registry;
  for (const part of ["investors", "team"] as const) {
    for (const [at, terms] of vaultsOf(genesis, part).entries())
      allocate(`${part}-${at + 1}`, new Vesting({ minter: minter.address, ...terms }), terms.totalNano);
  }
  const airdrop = new Airdrop({
    minter: minter.address,
    root: genesis.airdrop.root,
    endsAtUnixS: genesis.airdrop.endsAtUnixS,
    treasury: compute.address,
    budgetNano: partNano("airdrop"),
  });
  allocate("airdrop", airdrop, partNano("airdrop"));

  const letters = Object.values(standing).map(({ address, init }) => ({
    to: address,
    valueNanogram: STAND_NANOGRAM,
    init,
    body: undefined,
  }));
  const established = {
    to: governance.address,
    valueNanogram: GOVERNANCE_NANOGRAM,
    init: governance.init,
    body: encodeEstablish(
      { collection: certificates.address, governance: governor, minter: minter.address },
      powersOver({
        governance: governor,
        quorum: quorum.address,
        certificates: certificates.address,
        compute: compute.address,
        fog: fog.address,
        registry: registry.address,
      }),
    ),
  };
  const last = {
    to: minter.address,
    valueNanogram: GENESIS_NANOGRAM,
    init: minter.init,
    body: encodeGenesis(allocations),
  };
  const named = Object.entries({ minter, governance, ...standing }).map(([name, { address }]) => [
    name,
    address.toRawString(),
  ]);
  return { letters: [...letters, established, last], addressBook: Object.fromEntries(named) };
}

/** A root that is challenged waits for a proposal, its vote, its timelock and the guardian's longest pause. */
function governanceOf({ deployer, guardian, emission, governance }: GenesisFile): Governance {
  const rules = {
    voteSeconds: governance.voteSeconds,
    timelockSeconds: governance.timelockSeconds,
    buildersMin: governance.buildersMin,
    usersMinNano: BigInt(governance.usersMinPingo) * NANO_PER_PINGO,
  };
  return new Governance(deployer, guardian, rules, {
    voteSecondsMin: governance.voteSeconds,
    timelockSecondsMin: governance.timelockSeconds,
    decisionSecondsMax: emission.resolveSeconds - PAUSE_SECONDS_MAX - 1,
  });
}

function distributorOf(
  genesis: GenesisFile,
  minter: Address,
  authorities: Authorities,
  part: "compute" | "fog",
): Distributor {
  const { emission } = genesis;
  const terms = {
    minter,
    startUnixS: emission.startUnixS,
    epochSeconds: emission.epochSeconds,
    epochsPerEra: emission.epochsPerEra,
    windowSeconds: emission.windowSeconds,
    resolveSeconds: emission.resolveSeconds,
    budgetNano: partNano(part),
    bondNanogram: BigInt(emission.bondGram) * NANOGRAM,
    stream: Object.keys(PARTS).indexOf(part),
  };
  return new Distributor(terms, authorities);
}

/** What a stake loses goes back to those who compute. */
function registryOf(
  genesis: GenesisFile,
  minter: Address,
  authorities: Authorities,
  treasury: Address,
): Registry {
  const { registry } = genesis;
  const parameters = {
    providerStakeMinNano: BigInt(registry.providerStakeMinPingo) * NANO_PER_PINGO,
    fogStakeMinNano: BigInt(registry.fogStakeMinPingo) * NANO_PER_PINGO,
    verdictMillionthsMax: registry.verdictMillionthsMax,
  };
  const rules = { minter, treasury, unbondingSeconds: registry.unbondingSeconds };
  return new Registry(rules, parameters, authorities);
}
