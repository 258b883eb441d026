/** One question to two chambers, and the ballots that keep everyone to one vote. SOURCE: tolk/proposal.tolk, tolk/ballot.tolk. */
import { type Address, beginCell, type Cell, type Contract, type ContractProvider } from "@ton/core";
import { encodeProveOwnership } from "../certificate/certificate.ts";
import { type StateInit, undeployed } from "../init.ts";

const CONCLUDE_OP = 0x50470906;

/** Builders vote by certificate, users by the PINGO that they lock. */
const NUMBER_BY_CHAMBER = { builders: 1, users: 2 } as const;
export type Chamber = keyof typeof NUMBER_BY_CHAMBER;

/** What a proposal asks for: one order to one contract. */
export interface ProposedCall {
  readonly target: Address;
  readonly order: Cell;
  /** SHA-256 of the words that explain it, 32 bytes. */
  readonly about: Uint8Array;
}

export interface Tally {
  readonly forNano: bigint;
  readonly againstNano: bigint;
  readonly minNano: bigint;
}

export interface ProposalView {
  readonly number: number;
  readonly isEnacted: boolean;
  /** By the votes so far. */
  readonly isCarried: boolean;
  readonly openedAtUnixS: number;
  readonly votesUntilUnixS: number;
  readonly enactsFromUnixS: number;
  readonly enactsUntilUnixS: number;
  readonly builders: { readonly for: number; readonly against: number; readonly min: number };
  readonly users: Tally;
  readonly call: ProposedCall;
}

export class Proposal implements Contract {
  readonly address: Address;
  readonly init: StateInit;

  constructor(number: number, governance: Address) {
    const data = beginCell().storeAddress(governance).storeUint(number, 32).endCell();
    const { address, init } = undeployed("proposal", data);
    this.address = address;
    this.init = init;
  }

  /** null where nobody proposed. */
  async getView(provider: ContractProvider): Promise<ProposalView | null> {
    const { state } = await provider.getState();
    if (state.type !== "active") return null;
    const { stack } = await provider.get("get_proposal", []);
    const number = stack.readNumber();
    const [isEnacted, isCarried] = [stack.readBoolean(), stack.readBoolean()];
    const [openedAtUnixS, votesUntilUnixS] = [stack.readNumber(), stack.readNumber()];
    const [enactsFromUnixS, enactsUntilUnixS] = [stack.readNumber(), stack.readNumber()];
    const [min, yes, no] = [stack.readNumber(), stack.readNumber(), stack.readNumber()];
    const [minNano, forNano, againstNano] = [
      stack.readBigNumber(),
      stack.readBigNumber(),
      stack.readBigNumber(),
    ];
    const [target, order] = [stack.readAddress(), stack.readCell()];
    const about = Buffer.from(stack.readBigNumber().toString(16).padStart(64, "0"), "hex");
    return {
      number,
      isEnacted,
      isCarried,
      openedAtUnixS,
      votesUntilUnixS,
      enactsFromUnixS,
      enactsUntilUnixS,
      builders: { for: yes, against: no, min },
      users: { forNano, againstNano, minNano },
      call: { target, order, about: new Uint8Array(about) },
    };
  }
}

export class Ballot implements Contract {
  readonly address: Address;
  readonly init: StateInit;

  constructor(proposal: Address, voter: Address, chamber: Chamber) {
    const data = beginCell()
      .storeAddress(proposal)
      .storeAddress(voter)
      .storeUint(NUMBER_BY_CHAMBER[chamber], 8)
      .storeBit(false)
      .endCell();
    const { address, init } = undeployed("ballot", data);
    this.address = address;
    this.init = init;
  }

  async getIsCast(provider: ContractProvider): Promise<boolean> {
    const { state } = await provider.getState();
    if (state.type !== "active") return false;
    const { stack } = await provider.get("get_is_cast", []);
    return stack.readBoolean();
  }
}

/** A builder's, to their own certificate: governance opens a proposal. */
export function encodePropose(governance: Address, call: ProposedCall, queryId = 0n): Cell {
  const asked = beginCell()
    .storeAddress(call.target)
    .storeRef(call.order)
    .storeBuffer(Buffer.from(call.about), 32)
    .endCell();
  return encodeProveOwnership(governance, asked, queryId);
}

/** A builder's, to their own certificate: one vote. */
export function encodeBuilderVote(proposal: Address, isFor: boolean, queryId = 0n): Cell {
  return encodeProveOwnership(proposal, beginCell().storeBit(isFor).endCell(), queryId);
}

/** Anyone's, after the timelock; again where the order was refused. */
export function encodeConclude(queryId = 0n): Cell {
  return beginCell().storeUint(CONCLUDE_OP, 32).storeUint(queryId, 64).endCell();
}
