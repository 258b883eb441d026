/** The registry of providers and fog nodes: rules of stakes, and verdicts on them. SOURCE: tolk/registry.tolk. */
import { type Address, beginCell, type Cell, type ContractProvider } from "@ton/core";
import { codeOf } from "../code.ts";
import { ContractAt, type StateInit, undeployed } from "../init.ts";
import { encodeStakeRules, type MemberRole, numberOfRole, Stake, type StakeRules } from "./stake.ts";
import { encodeSignedCommitment, type SignedCommitment } from "./statement.ts";

const CONVICT_OP = 0x50470720;
export const SET_STAKE_PARAMETERS_OP = 0x50470721;
export const SET_REGISTRY_AUTHORITIES_OP = 0x50470722;

/** The governor's to change. */
export interface StakeParameters {
  readonly providerStakeMinNano: bigint;
  readonly fogStakeMinNano: bigint;
  /** No single verdict takes more, in millionths of the stake. */
  readonly verdictMillionthsMax: number;
}

export interface RegistryAuthorities {
  readonly quorum: Address;
  readonly governor: Address;
  readonly guardian: Address;
}

export interface RegistryView {
  readonly parameters: StakeParameters;
  readonly authorities: RegistryAuthorities;
  readonly rules: StakeRules;
  /** Until then no verdict is carried out. */
  readonly pausedUntilUnixS: number;
}

export interface Verdict {
  readonly slot: Uint8Array;
  /** What the member signed for the slot. */
  readonly signed: SignedCommitment;
  /** What those who re-executed it found. */
  readonly reexecuted: Uint8Array;
  /** SHA-256 of the block that holds receipt, inputs and result by content id, for a stranger to check. */
  readonly evidence: Uint8Array;
  readonly millionths: number;
}

export class RegistryAt extends ContractAt {
  async getView(provider: ContractProvider): Promise<RegistryView> {
    const { stack } = await provider.get("get_registry", []);
    const parameters = {
      providerStakeMinNano: stack.readBigNumber(),
      fogStakeMinNano: stack.readBigNumber(),
      verdictMillionthsMax: stack.readNumber(),
    };
    const pausedUntilUnixS = stack.readNumber();
    const authorities = {
      quorum: stack.readAddress(),
      governor: stack.readAddress(),
      guardian: stack.readAddress(),
    };
    const rules = {
      minter: stack.readAddress(),
      treasury: stack.readAddress(),
      unbondingSeconds: stack.readNumber(),
    };
    return { parameters, authorities, rules, pausedUntilUnixS };
  }
}

export class Registry extends RegistryAt {
  readonly init: StateInit;
  readonly #rules: StakeRules;

  constructor(rules: StakeRules, parameters: StakeParameters, authorities: RegistryAuthorities) {
    const { quorum, governor, guardian } = authorities;
    const data = beginCell()
      .storeBuilder(parametersBuilder(parameters))
      .storeUint(0, 32) // paused until
      .storeUint(0, 32) // pause again at
      .storeRef(beginCell().storeAddress(quorum).storeAddress(governor).storeAddress(guardian).endCell())
      .storeRef(encodeStakeRules(rules))
      .storeRef(codeOf("stake"))
      .endCell();
    const { address, init } = undeployed("registry", data);
    super(address);
    this.init = init;
    this.#rules = rules;
  }

  stakeOf(publicKey: Uint8Array, role: MemberRole): Stake {
    return new Stake(this.address, publicKey, role, this.#rules);
  }
}

/** The quorum's order. */
export function encodeConvict(publicKey: Uint8Array, role: MemberRole, verdict: Verdict): Cell {
  const found = beginCell()
    .storeBuffer(Buffer.from(verdict.slot), 32)
    .storeRef(encodeSignedCommitment(verdict.signed))
    .storeBuffer(Buffer.from(verdict.reexecuted), 32)
    .storeBuffer(Buffer.from(verdict.evidence), 32)
    .storeUint(verdict.millionths, 32)
    .endCell();
  return beginCell()
    .storeUint(CONVICT_OP, 32)
    .storeBuffer(Buffer.from(publicKey), 32)
    .storeUint(numberOfRole(role), 8)
    .storeRef(found)
    .endCell();
}

/** The governor's order. */
export function encodeSetStakeParameters(parameters: StakeParameters): Cell {
  return beginCell()
    .storeUint(SET_STAKE_PARAMETERS_OP, 32)
    .storeBuilder(parametersBuilder(parameters))
    .endCell();
}

/** The governor's order. */
export function encodeSetRegistryAuthorities(quorum: Address, guardian: Address): Cell {
  return beginCell()
    .storeUint(SET_REGISTRY_AUTHORITIES_OP, 32)
    .storeAddress(quorum)
    .storeAddress(guardian)
    .endCell();
}

function parametersBuilder(parameters: StakeParameters) {
  return beginCell()
    .storeCoins(parameters.providerStakeMinNano)
    .storeCoins(parameters.fogStakeMinNano)
    .storeUint(parameters.verdictMillionthsMax, 32);
}
