/** Airdrop vaults: one tree of who gets how much, until a day. SOURCE: tolk/airdrop.tolk. */
import { type Address, beginCell, type Cell, type ContractProvider } from "@ton/core";
import { codeOf } from "../code.ts";
import { ContractAt, type StateInit, undeployed } from "../init.ts";

const RECLAIM_OP = 0x50470601;

export interface AirdropTerms {
  readonly minter: Address;
  /** Of a {@link ClaimTree}; {@link encodeClaim} claims. */
  readonly root: bigint;
  readonly endsAtUnixS: number;
  /** Gets what nobody claimed: an emission vault, so that contributors do. */
  readonly treasury: Address;
  /** What genesis puts in. */
  readonly budgetNano: bigint;
}

export interface AirdropView {
  readonly leftNano: bigint;
  readonly endsAtUnixS: number;
}

export class AirdropAt extends ContractAt {
  async getView(provider: ContractProvider): Promise<AirdropView> {
    const { stack } = await provider.get("get_airdrop", []);
    const leftNano = stack.readBigNumber();
    stack.skip(1);
    return { leftNano, endsAtUnixS: stack.readNumber() };
  }

  async getLeftNano(provider: ContractProvider): Promise<bigint> {
    return (await this.getView(provider)).leftNano;
  }
}

export class Airdrop extends AirdropAt {
  readonly init: StateInit;

  constructor(terms: AirdropTerms) {
    const data = beginCell()
      .storeCoins(terms.budgetNano)
      .storeRef(
        beginCell()
          .storeAddress(terms.minter)
          .storeRef(codeOf("pingo-wallet"))
          .storeRef(codeOf("claim-record"))
          .storeUint(terms.root, 256)
          .storeUint(terms.endsAtUnixS, 32)
          .storeAddress(terms.treasury)
          .endCell(),
      )
      .endCell();
    const { address, init } = undeployed("airdrop", data);
    super(address);
    this.init = init;
  }
}

/** Anyone's, after the last day. */
export function encodeReclaim(queryId = 0n): Cell {
  return beginCell().storeUint(RECLAIM_OP, 32).storeUint(queryId, 64).endCell();
}
