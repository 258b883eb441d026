/** A channel from a user to a fog node: deposit, vouchers, close. SOURCE: tolk/channel.tolk. */
import { type Address, beginCell, type Cell, type Contract, type ContractProvider } from "@ton/core";
import { codeOf } from "../code.ts";
import { type StateInit, undeployed } from "../init.ts";
import type { Voucher } from "./voucher.ts";

const REDEEM_OP = 0x50470402;
const CLOSE_OP = 0x50470403;
const FINISH_OP = 0x50470404;
const PAY_OWED_OP = 0x50470405;
/** What `closesAt` says when it is over. */
const CLOSED = 1;

export interface ChannelTerms {
  readonly minter: Address;
  readonly user: Address;
  readonly fog: Address;
  /** ed25519, 32 bytes; a key of its own, so that the wallet's need not be at hand. */
  readonly voucherKey: Uint8Array;
  /** For the fog node to redeem after the user closes. */
  readonly disputeSeconds: number;
  /** Another channel between the same two. */
  readonly salt: number;
}

export interface ChannelView {
  readonly depositedNano: bigint;
  readonly redeemedNano: bigint;
  readonly owedToFogNano: bigint;
  readonly owedToUserNano: bigint;
  readonly state:
    | { readonly kind: "open" }
    | { readonly kind: "closing"; readonly atUnixS: number }
    | { readonly kind: "closed" };
}

export class Channel implements Contract {
  readonly address: Address;
  readonly init: StateInit;

  constructor(terms: ChannelTerms) {
    const data = beginCell()
      .storeCoins(0)
      .storeCoins(0)
      .storeCoins(0)
      .storeCoins(0)
      .storeUint(0, 32)
      .storeRef(
        beginCell()
          .storeAddress(terms.minter)
          .storeRef(codeOf("pingo-wallet"))
          .storeRef(beginCell().storeAddress(terms.user).storeAddress(terms.fog).endCell())
          .storeBuffer(Buffer.from(terms.voucherKey))
          .storeUint(terms.disputeSeconds, 32)
          .storeUint(terms.salt, 32)
          .endCell(),
      )
      .endCell();
    const { address, init } = undeployed("channel", data);
    this.address = address;
    this.init = init;
  }

  async getView(provider: ContractProvider): Promise<ChannelView> {
    const { stack } = await provider.get("get_channel", []);
    const [depositedNano, redeemedNano] = [stack.readBigNumber(), stack.readBigNumber()];
    const [owedToFogNano, owedToUserNano] = [stack.readBigNumber(), stack.readBigNumber()];
    const closesAt = stack.readNumber();
    const state =
      closesAt === 0
        ? ({ kind: "open" } as const)
        : closesAt === CLOSED
          ? ({ kind: "closed" } as const)
          : ({ kind: "closing", atUnixS: closesAt } as const);
    return { depositedNano, redeemedNano, owedToFogNano, owedToUserNano, state };
  }
}

export function encodeRedeem(voucher: Voucher, queryId = 0n): Cell {
  return beginCell()
    .storeUint(REDEEM_OP, 32)
    .storeUint(queryId, 64)
    .storeCoins(voucher.cumulativeNano)
    .storeBuffer(Buffer.from(voucher.signature))
    .endCell();
}

/** The user's begins the window; the fog node's ends the channel. */
export function encodeClose(queryId = 0n): Cell {
  return beginCell().storeUint(CLOSE_OP, 32).storeUint(queryId, 64).endCell();
}

/** Anyone's, after the window. */
export function encodeFinish(queryId = 0n): Cell {
  return beginCell().storeUint(FINISH_OP, 32).storeUint(queryId, 64).endCell();
}

/** Anyone's: what a wallet returned is sent again. */
export function encodePayOwed(queryId = 0n): Cell {
  return beginCell().storeUint(PAY_OWED_OP, 32).storeUint(queryId, 64).endCell();
}
