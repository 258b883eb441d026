/** Vesting vaults: tokens that become their owner's step by step. SOURCE: tolk/vesting.tolk. */
import { type Address, beginCell, type Cell, type ContractProvider } from "@ton/core";
import { codeOf } from "../code.ts";
import { ContractAt, type StateInit, undeployed } from "../init.ts";

const RELEASE_OP = 0x50470501;

export interface VestingTerms {
  readonly minter: Address;
  readonly owner: Address;
  readonly totalNano: bigint;
  readonly startUnixS: number;
  /** Nothing before it; then what the line gives since the start. */
  readonly cliffSeconds: number;
  readonly durationSeconds: number;
  readonly stepSeconds: number;
}

export class VestingAt extends ContractAt {
  async getVestedNano(provider: ContractProvider, atUnixS: number): Promise<bigint> {
    const { stack } = await provider.get("get_vested", [{ type: "int", value: BigInt(atUnixS) }]);
    return stack.readBigNumber();
  }

  async getReleasedNano(provider: ContractProvider): Promise<bigint> {
    const { stack } = await provider.get("get_vested", [{ type: "int", value: 0n }]);
    stack.skip(1);
    return stack.readBigNumber();
  }
}

export class Vesting extends VestingAt {
  readonly init: StateInit;

  constructor(terms: VestingTerms) {
    const data = beginCell()
      .storeCoins(0)
      .storeRef(
        beginCell()
          .storeAddress(terms.minter)
          .storeRef(codeOf("pingo-wallet"))
          .storeAddress(terms.owner)
          .storeCoins(terms.totalNano)
          .storeUint(terms.startUnixS, 32)
          .storeUint(terms.cliffSeconds, 32)
          .storeUint(terms.durationSeconds, 32)
          .storeUint(terms.stepSeconds, 32)
          .endCell(),
      )
      .endCell();
    const { address, init } = undeployed("vesting", data);
    super(address);
    this.init = init;
  }
}

/** Anyone's; the owner is paid. */
export function encodeRelease(queryId = 0n): Cell {
  return beginCell().storeUint(RELEASE_OP, 32).storeUint(queryId, 64).endCell();
}
