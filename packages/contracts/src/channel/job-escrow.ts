/** Escrows as jobs are paid by: terms to which user and fog node come each by themselves, and what funds one. */

import type { WalletMessage } from "@pingo/ton";
import { type Address, beginCell } from "@ton/core";
import { encodeTransfer, PingoWallet } from "../jetton/pingo-wallet.ts";
import { Escrow } from "./escrow.ts";

export interface JobEscrowTerms {
  readonly minter: Address;
  readonly quorum: Address;
  readonly user: Address;
  readonly fog: Address;
  /** 32 bytes: the digest in the job's id. */
  readonly job: Uint8Array;
  readonly deadlineUnixS: number;
}

/** For the user to object to a bill; accepted, it is paid at once. */
const WINDOW_SECONDS = 3_600;
const RESOLVE_SECONDS = 7 * 86_400;
const NANOGRAM = 1_000_000_000n;
/** Rent, a transfer with its notice, and two transfers out of the escrow; test/gas-table.ts. The rest of each comes back. */
const STAND_NANOGRAM = NANOGRAM / 50n;
const TRANSFER_NANOGRAM = NANOGRAM / 20n;
const NOTICE_NANOGRAM = NANOGRAM / 500n;
/** Asks of an escrow that make it pay. */
export const ESCROW_ASK_NANOGRAM = NANOGRAM / 20n;

export function jobEscrow(terms: JobEscrowTerms): Escrow {
  return new Escrow({ ...terms, windowSeconds: WINDOW_SECONDS, resolveSeconds: RESOLVE_SECONDS });
}

/** From the user's wallet, in one order: the escrow stands before the tokens come, which take a step more. */
export function encodeFunding(terms: JobEscrowTerms, amountNano: bigint): readonly WalletMessage[] {
  const { address, init } = jobEscrow(terms);
  const { user, minter } = terms;
  const body = encodeTransfer({
    amountNano,
    to: address,
    excessesTo: user,
    forwardNanogram: NOTICE_NANOGRAM,
    // An empty payload, in place.
    forwardPayload: null,
  });
  return [
    { to: address, valueNanogram: STAND_NANOGRAM, init, body: beginCell().endCell() },
    { to: new PingoWallet(user, minter).address, valueNanogram: TRANSFER_NANOGRAM, body },
  ];
}
