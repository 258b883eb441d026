/** The governor of all other contracts: it does what proposals decided, within a closed list. SOURCE: tolk/governance.tolk. */
import { type Address, beginCell, type Cell, type ContractProvider, Dictionary } from "@ton/core";
import { codeOf } from "../code.ts";
import { ContractAt, type StateInit, undeployed } from "../init.ts";
import { encodeLockTerms } from "./lock.ts";

const ESTABLISH_OP = 0x50470901;
export const SET_VOTING_RULES_OP = 0x50470920;
export const SET_GUARDIAN_OP = 0x50470921;
/** An address and an opcode. */
const POWER_BITS = 267 + 32;

/** How a proposal is decided; each chamber needs more for than against. */
export interface VotingRules {
  readonly voteSeconds: number;
  /** Between the last vote and the first moment at which it is carried out. */
  readonly timelockSeconds: number;
  /** Certificates that voted, one vote each. */
  readonly buildersMin: number;
  /** PINGO that voted. */
  readonly usersMinNano: bigint;
}

/** No vote changes them. */
export interface VotingBounds {
  readonly voteSecondsMin: number;
  readonly timelockSecondsMin: number;
  /** A vote with its timelock; less than what a challenged root waits for a decision. */
  readonly decisionSecondsMax: number;
}

/** One order to one contract that a proposal may ask for. */
export interface Power {
  readonly target: Address;
  readonly opcode: number;
}

/** Whose word counts. */
export interface Electorate {
  /** Of certificates. */
  readonly collection: Address;
  readonly governance: Address;
  readonly minter: Address;
}

export interface GovernanceView {
  readonly isEstablished: boolean;
  readonly guardian: Address;
  readonly pausedUntilUnixS: number;
  /** The next one's number. */
  readonly proposals: number;
  readonly rules: VotingRules;
  readonly bounds: VotingBounds;
}

export class GovernanceAt extends ContractAt {
  async getView(provider: ContractProvider): Promise<GovernanceView> {
    const { stack } = await provider.get("get_governance", []);
    return {
      isEstablished: stack.readBoolean(),
      guardian: stack.readAddress(),
      pausedUntilUnixS: stack.readNumber(),
      proposals: stack.readNumber(),
      rules: {
        voteSeconds: stack.readNumber(),
        timelockSeconds: stack.readNumber(),
        buildersMin: stack.readNumber(),
        usersMinNano: stack.readBigNumber(),
      },
      bounds: {
        voteSecondsMin: stack.readNumber(),
        timelockSecondsMin: stack.readNumber(),
        decisionSecondsMax: stack.readNumber(),
      },
    };
  }

  async getIsPower(provider: ContractProvider, { target, opcode }: Power): Promise<boolean> {
    const { stack } = await provider.get("get_is_power", [
      { type: "slice", cell: beginCell().storeAddress(target).endCell() },
      { type: "int", value: BigInt(opcode) },
    ]);
    return stack.readBoolean();
  }
}

export class Governance extends GovernanceAt {
  readonly init: StateInit;

  /** @param deployer says once, by {@link encodeEstablish}, who votes on what; then nobody */
  constructor(deployer: Address, guardian: Address, rules: VotingRules, bounds: VotingBounds) {
    const data = beginCell()
      .storeAddress(deployer)
      .storeAddress(guardian)
      .storeUint(0, 32) // paused until
      .storeUint(0, 32) // pause again at
      .storeUint(0, 32) // proposals
      .storeRef(beginCell().storeBuilder(rulesBuilder(rules)).endCell())
      .storeUint(bounds.voteSecondsMin, 32)
      .storeUint(bounds.timelockSecondsMin, 32)
      .storeUint(bounds.decisionSecondsMax, 32)
      .storeRef(codeOf("proposal"))
      .storeMaybeRef(null) // electorate
      .storeDict(null) // powers
      .endCell();
    const { address, init } = undeployed("governance", data);
    super(address);
    this.init = init;
  }
}

/** The deployer's, once: the list is closed with it. */
export function encodeEstablish(electorate: Electorate, powers: readonly Power[], queryId = 0n): Cell {
  const allowed = Dictionary.empty(Dictionary.Keys.BitString(POWER_BITS), Dictionary.Values.Bool());
  for (const { target, opcode } of powers) {
    allowed.set(beginCell().storeAddress(target).storeUint(opcode, 32).endCell().bits, true);
  }
  const { collection, governance, minter } = electorate;
  return beginCell()
    .storeUint(ESTABLISH_OP, 32)
    .storeUint(queryId, 64)
    .storeRef(
      beginCell()
        .storeAddress(collection)
        .storeRef(codeOf("certificate"))
        .storeRef(codeOf("ballot"))
        .storeRef(codeOf("lock"))
        .storeRef(encodeLockTerms(governance, minter))
        .endCell(),
    )
    .storeDict(allowed)
    .endCell();
}

/** Governance's order to itself. */
export function encodeSetVotingRules(rules: VotingRules): Cell {
  return beginCell().storeUint(SET_VOTING_RULES_OP, 32).storeBuilder(rulesBuilder(rules)).endCell();
}

/** Governance's order to itself. */
export function encodeSetGuardian(guardian: Address): Cell {
  return beginCell().storeUint(SET_GUARDIAN_OP, 32).storeAddress(guardian).endCell();
}

function rulesBuilder(rules: VotingRules) {
  return beginCell()
    .storeUint(rules.voteSeconds, 32)
    .storeUint(rules.timelockSeconds, 32)
    .storeUint(rules.buildersMin, 32)
    .storeCoins(rules.usersMinNano);
}
