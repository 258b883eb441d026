/** One owner's PINGO that votes, and stays until what it voted on was decided. SOURCE: tolk/lock.tolk. */
import { type Address, beginCell, type Cell, type Contract, type ContractProvider } from "@ton/core";
import { codeOf } from "../code.ts";
import { type StateInit, undeployed } from "../init.ts";

const VOTE_OP = 0x50470910;
const UNLOCK_OP = 0x50470911;

export interface LockView {
  readonly owner: Address;
  readonly amountNano: bigint;
  /** Until then it stays. */
  readonly untilUnixS: number;
}

export class Lock implements Contract {
  readonly address: Address;
  readonly init: StateInit;

  constructor(owner: Address, governance: Address, minter: Address) {
    const data = beginCell()
      .storeCoins(0)
      .storeUint(0, 32)
      .storeAddress(owner)
      .storeRef(encodeLockTerms(governance, minter))
      .endCell();
    const { address, init } = undeployed("lock", data);
    this.address = address;
    this.init = init;
  }

  /** null where the owner never locked. */
  async getView(provider: ContractProvider): Promise<LockView | null> {
    const { state } = await provider.getState();
    if (state.type !== "active") return null;
    const { stack } = await provider.get("get_lock", []);
    return {
      owner: stack.readAddress(),
      amountNano: stack.readBigNumber(),
      untilUnixS: stack.readNumber(),
    };
  }
}

export function encodeLockTerms(governance: Address, minter: Address): Cell {
  return beginCell().storeAddress(governance).storeAddress(minter).storeRef(codeOf("pingo-wallet")).endCell();
}

/** The owner's: all that the lock holds. @param untilUnixS the proposal's `enactsFromUnixS`, or later */
export function encodeLockedVote(proposal: Address, untilUnixS: number, isFor: boolean, queryId = 0n): Cell {
  return beginCell()
    .storeUint(VOTE_OP, 32)
    .storeUint(queryId, 64)
    .storeAddress(proposal)
    .storeUint(untilUnixS, 32)
    .storeBit(isFor)
    .endCell();
}

/** The owner's, once the time is over. */
export function encodeUnlock(queryId = 0n): Cell {
  return beginCell().storeUint(UNLOCK_OP, 32).storeUint(queryId, 64).endCell();
}
