/**
 * Vouchers: what a user owes a fog node, all in all, signed off chain for each piece of work.
 *
 * Checked thousands of times a second, so the key is prepared once and only the bytes that the contract hashes are made.
 */
import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { FaultError, isSmallOrderKey, type KeyPair, type Sentences } from "@pingo/core";
import { type Address, beginCell, type Cell } from "@ton/core";
import { signCell } from "../quorum/quorum.ts";

const VOUCHER_OP = 0x50470401;
const SIGNATURE_BYTES = 64;
const SPKI_HEAD = Buffer.from("302a300506032b6570032100", "hex");

export interface Voucher {
  readonly cumulativeNano: bigint;
  readonly signature: Uint8Array;
}

export type VoucherFault =
  | { readonly code: "VOUCHER_KEY_WEAK" }
  | { readonly code: "VOUCHER_NOT_MORE"; readonly cumulativeNano: bigint; readonly beforeNano: bigint }
  | { readonly code: "VOUCHER_OVER_DEPOSIT"; readonly cumulativeNano: bigint; readonly depositNano: bigint }
  | { readonly code: "VOUCHER_SIGNATURE" };

const SENTENCES: Sentences<VoucherFault> = {
  VOUCHER_KEY_WEAK: () =>
    "the voucher key is a small-order ed25519 key and proves nothing; open a channel with another",
  VOUCHER_NOT_MORE: ({ cumulativeNano, beforeNano }) =>
    `the voucher says ${cumulativeNano} nano-PINGO all in all and ${beforeNano} were given already; sign a larger sum`,
  VOUCHER_OVER_DEPOSIT: ({ cumulativeNano, depositNano }) =>
    `the voucher says ${cumulativeNano} nano-PINGO and the channel holds ${depositNano}; deposit more first`,
  VOUCHER_SIGNATURE: () => "the voucher's signature does not verify under the channel's key; sign it again",
};

export class VoucherError extends FaultError<VoucherFault> {
  override readonly name = "VoucherError";

  constructor(fault: VoucherFault) {
    super(fault, SENTENCES);
  }
}

/** What the user signs, as the contract builds it. */
export function encodeVoucher(channel: Address, globalId: number, cumulativeNano: bigint): Cell {
  return beginCell()
    .storeUint(VOUCHER_OP, 32)
    .storeAddress(channel)
    .storeInt(globalId, 32)
    .storeCoins(cumulativeNano)
    .endCell();
}

export function signVoucher(
  key: KeyPair,
  channel: Address,
  globalId: number,
  cumulativeNano: bigint,
): Voucher {
  return { cumulativeNano, signature: signCell(key, encodeVoucher(channel, globalId, cumulativeNano)) };
}

/** Takes the vouchers of one channel, each for more than the one before it. */
export class VoucherDesk {
  readonly #channel: Address;
  readonly #globalId: number;
  readonly #key: KeyObject;
  #best: Voucher | null = null;

  /** @throws {VoucherError} VOUCHER_KEY_WEAK */
  constructor(channel: Address, globalId: number, voucherKey: Uint8Array) {
    if (isSmallOrderKey(voucherKey)) throw new VoucherError({ code: "VOUCHER_KEY_WEAK" });
    this.#channel = channel;
    this.#globalId = globalId;
    this.#key = createPublicKey({ key: Buffer.concat([SPKI_HEAD, voucherKey]), format: "der", type: "spki" });
  }

  /** The one to redeem. */
  get best(): Voucher | null {
    return this.#best;
  }

  /**
   * @returns what this voucher gives beyond the one before it
   * @throws {VoucherError} when it gives nothing more, more than there is, or nobody signed it
   */
  take(voucher: Voucher, depositNano: bigint): bigint {
    const { cumulativeNano, signature } = voucher;
    const beforeNano = this.#best?.cumulativeNano ?? 0n;
    if (cumulativeNano <= beforeNano)
      throw new VoucherError({ code: "VOUCHER_NOT_MORE", cumulativeNano, beforeNano });
    if (cumulativeNano > depositNano) {
      throw new VoucherError({ code: "VOUCHER_OVER_DEPOSIT", cumulativeNano, depositNano });
    }
    const signed = encodeVoucher(this.#channel, this.#globalId, cumulativeNano).hash();
    if (signature.byteLength !== SIGNATURE_BYTES || !verify(null, signed, this.#key, signature)) {
      throw new VoucherError({ code: "VOUCHER_SIGNATURE" });
    }
    this.#best = voucher;
    return cumulativeNano - beforeNano;
  }
}
