/** The PINGO minter: genesis, and where wallets are. SOURCE: TEP-74, TEP-89; tolk/pingo-minter.tolk. */
import {
  type Address,
  beginCell,
  type Cell,
  type Contract,
  type ContractProvider,
  Dictionary,
} from "@ton/core";
import { codeOf } from "../code.ts";
import { type StateInit, undeployed } from "../init.ts";
import { encodeOnChainContent } from "./token-content.ts";

export const PINGO_SUPPLY_NANO = 1_000_000_000n * 1_000_000_000n;

const GENESIS_OP = 0x50470001;
const REDELIVER_OP = 0x50470002;
const PROVIDE_WALLET_ADDRESS_OP = 0x2c76b973;
export const TAKE_WALLET_ADDRESS_OP = 0xd1735400;

const CONTENT = encodeOnChainContent({
  name: "PinGo",
  symbol: "PINGO",
  decimals: "9",
  description:
    "Paid for computing power, storage and their use in the PinGo network. The supply was written once and cannot change.",
  image_data:
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><circle cx="32" cy="32" r="32" fill="#123"/><path d="M22 50V14h12a11 11 0 0 1 0 22h-6" fill="none" stroke="#6df" stroke-width="6"/></svg>',
});

export interface Allocation {
  readonly owner: Address;
  readonly amountNano: bigint;
}

export class PingoMinter implements Contract {
  readonly address: Address;
  readonly init: StateInit;

  /** @param deployer the only one who can send genesis, and only once */
  constructor(deployer: Address) {
    const data = beginCell()
      .storeCoins(0)
      .storeAddress(deployer)
      .storeDict(null)
      .storeRef(CONTENT)
      .storeRef(codeOf("pingo-wallet"))
      .endCell();
    const { address, init } = undeployed("pingo-minter", data);
    this.address = address;
    this.init = init;
  }

  async getTotalSupplyNano(provider: ContractProvider): Promise<bigint> {
    const { stack } = await provider.get("get_jetton_data", []);
    return stack.readBigNumber();
  }

  async getIsMintable(provider: ContractProvider): Promise<boolean> {
    const { stack } = await provider.get("get_jetton_data", []);
    stack.skip(1);
    return stack.readBoolean();
  }

  async getUndeliveredNanoByWallet(provider: ContractProvider): Promise<ReadonlyMap<string, bigint>> {
    const { stack } = await provider.get("get_undelivered", []);
    const cell = stack.readCellOpt();
    if (cell === null) return new Map();
    const amounts = Dictionary.loadDirect(
      Dictionary.Keys.Address(),
      Dictionary.Values.BigVarUint(4),
      cell.asSlice(),
    );
    return new Map([...amounts].map(([wallet, amountNano]) => [wallet.toRawString(), amountNano]));
  }
}

export function encodeGenesis(allocations: readonly Allocation[], queryId = 0n): Cell {
  const amounts = Dictionary.empty(Dictionary.Keys.Address(), Dictionary.Values.BigVarUint(4));
  for (const { owner, amountNano } of allocations) amounts.set(owner, amountNano);
  return beginCell().storeUint(GENESIS_OP, 32).storeUint(queryId, 64).storeDict(amounts).endCell();
}

export function encodeRedeliver(owner: Address, queryId = 0n): Cell {
  return beginCell().storeUint(REDELIVER_OP, 32).storeUint(queryId, 64).storeAddress(owner).endCell();
}

export function encodeProvideWalletAddress(owner: Address, queryId = 0n): Cell {
  return beginCell()
    .storeUint(PROVIDE_WALLET_ADDRESS_OP, 32)
    .storeUint(queryId, 64)
    .storeAddress(owner)
    .storeBit(true)
    .endCell();
}
