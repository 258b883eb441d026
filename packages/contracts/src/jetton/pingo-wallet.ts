/** PINGO wallets: what they are asked, and where they are. SOURCE: TEP-74; tolk/pingo-wallet.tolk. */
import { type Address, beginCell, type Cell, type Contract, type ContractProvider } from "@ton/core";
import { codeOf } from "../code.ts";
import { type StateInit, type Undeployed, undeployed } from "../init.ts";

export const TRANSFER_OP = 0x0f8a7ea5;
export const INTERNAL_TRANSFER_OP = 0x178d4519;
export const TRANSFER_NOTIFICATION_OP = 0x7362d09c;
export const EXCESSES_OP = 0xd53276db;
/** Of ours: what could not be delivered is the owner's again. */
export const TRANSFER_RETURNED_OP = 0x50470003;
/** Of ours: so much came without a notice that could be read. */
export const LATE_NOTICE_OP = 0x50470004;
const TELL_OWNER_OP = 0x50470005;
export const BURN_OP = 0x595f07bc;

export interface Transfer {
  readonly queryId?: bigint;
  readonly amountNano: bigint;
  readonly to: Address;
  /** Who gets the GRAM that is left; without one it stays in the receiving wallet. */
  readonly excessesTo: Address | null;
  readonly forwardNanogram?: bigint;
  readonly forwardPayload?: Cell | null;
}

export interface WalletView {
  readonly balanceNano: bigint;
  readonly owner: Address;
  readonly minter: Address;
}

export class PingoWallet implements Contract {
  readonly address: Address;
  readonly init: StateInit;

  constructor(owner: Address, minter: Address) {
    const { address, init } = pingoWallet(owner, minter);
    this.address = address;
    this.init = init;
  }

  async getView(provider: ContractProvider): Promise<WalletView> {
    const { stack } = await provider.get("get_wallet_data", []);
    return { balanceNano: stack.readBigNumber(), owner: stack.readAddress(), minter: stack.readAddress() };
  }

  /** Of what arrived, how much no notice told the owner of; without meaning for people, who read their balance. */
  async getUntoldNano(provider: ContractProvider): Promise<bigint> {
    const { state } = await provider.getState();
    if (state.type !== "active") return 0n;
    return (await provider.get("get_untold", [])).stack.readBigNumber();
  }

  /** Nothing where the wallet was never deployed. */
  async getBalanceNano(provider: ContractProvider): Promise<bigint> {
    const { state } = await provider.getState();
    return state.type === "active" ? (await this.getView(provider)).balanceNano : 0n;
  }
}

export function pingoWallet(owner: Address, minter: Address): Undeployed {
  return undeployed(
    "pingo-wallet",
    beginCell().storeCoins(0).storeAddress(owner).storeAddress(minter).storeCoins(0).endCell(),
  );
}

export function encodeTransfer(transfer: Transfer): Cell {
  return beginCell()
    .storeUint(TRANSFER_OP, 32)
    .storeUint(transfer.queryId ?? 0n, 64)
    .storeCoins(transfer.amountNano)
    .storeAddress(transfer.to)
    .storeAddress(transfer.excessesTo)
    .storeMaybeRef(null)
    .storeCoins(transfer.forwardNanogram ?? 0n)
    .storeMaybeRef(transfer.forwardPayload ?? null)
    .endCell();
}

/** Contracts that hold PINGO know their wallet by its code: it must be this one. */
export function pingoWalletCode(): Cell {
  return codeOf("pingo-wallet");
}

/** Anyone's, to the wallet of a contract of ours: it is told of what came without a notice, and books it. */
export function encodeTellOwner(queryId = 0n): Cell {
  return beginCell().storeUint(TELL_OWNER_OP, 32).storeUint(queryId, 64).endCell();
}
