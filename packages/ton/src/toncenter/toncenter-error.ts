/** Why a question to the chain has no answer. */
import { FaultError, type Sentences } from "@pingo/core";

export type ToncenterFault =
  | { readonly code: "CHAIN_UNREACHABLE"; readonly endpoint: string; readonly why: string }
  | { readonly code: "CHAIN_ANSWER_INVALID"; readonly endpoint: string; readonly why: string }
  | { readonly code: "CHAIN_ANSWER_TOO_LARGE"; readonly endpoint: string; readonly bytesMax: number }
  | { readonly code: "CHAIN_KEY_REFUSED"; readonly endpoint: string; readonly hasKey: boolean }
  | { readonly code: "CHAIN_REFUSED"; readonly method: string; readonly why: string }
  | { readonly code: "GET_METHOD_FAILED"; readonly method: string; readonly exitCode: number }
  | { readonly code: "WALLET_BUSY"; readonly tries: number }
  | { readonly code: "NOT_SEEN_ON_CHAIN"; readonly what: string; readonly seconds: number };

const SENTENCES: Sentences<ToncenterFault> = {
  CHAIN_UNREACHABLE: (f) =>
    `the chain's API at ${f.endpoint} does not answer (${f.why}); check TON_ENDPOINT, or start one with "pingo devnet up"`,
  CHAIN_ANSWER_INVALID: (f) =>
    `what answers at ${f.endpoint} is no toncenter (${f.why}); TON_ENDPOINT ends in /api/v2/jsonRPC`,
  CHAIN_ANSWER_TOO_LARGE: (f) =>
    `an answer of the chain's API at ${f.endpoint} is longer than the ${f.bytesMax} bytes that are read; check that TON_ENDPOINT is a toncenter`,
  CHAIN_KEY_REFUSED: (f) =>
    f.hasKey
      ? `the chain's API at ${f.endpoint} does not accept the key in TON_API_KEY; set the key that this API gave you`
      : `the chain's API at ${f.endpoint} asks for a key; set TON_API_KEY to the one that it gave you`,
  CHAIN_REFUSED: (f) => `the chain refused ${f.method}: ${f.why}`,
  GET_METHOD_FAILED: (f) =>
    `the contract does not answer ${f.method} (exit code ${f.exitCode}); check that the address book is of this network`,
  WALLET_BUSY: (f) =>
    `other programs send from this wallet: ${f.tries} orders of ours came too late, and nothing was sent; try again when they have ended`,
  NOT_SEEN_ON_CHAIN: (f) =>
    `${f.what} was sent and not seen on the chain within ${f.seconds} s; look at the chain, then try again`,
};

export class ToncenterError extends FaultError<ToncenterFault> {
  override readonly name = "ToncenterError";
  constructor(fault: ToncenterFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}

/** What a proxy says in place of a toncenter is no answer either. */
const AWAY: readonly ToncenterFault["code"][] = ["CHAIN_UNREACHABLE", "CHAIN_ANSWER_INVALID"];

/** The API is away for a moment: that says nothing of what was sent. */
export function isAway(error: unknown): boolean {
  return error instanceof ToncenterError && AWAY.includes(error.code);
}
