/** Why a wallet's proof is refused: one code for each thing that is wrong. */
import { FaultError, type Sentences } from "@pingo/core";

export type SignInFault =
  | { readonly code: "NETWORK_MISMATCH"; readonly found: string; readonly expected: string }
  | { readonly code: "DOMAIN_LENGTH_MISMATCH"; readonly stated: number; readonly bytes: number }
  | { readonly code: "DOMAIN_UNKNOWN"; readonly domain: string }
  | { readonly code: "PROOF_TOO_OLD"; readonly ageS: number; readonly ageMaxS: number }
  | { readonly code: "PROOF_FROM_FUTURE"; readonly aheadS: number }
  | { readonly code: "NONCE_UNKNOWN" }
  | { readonly code: "NONCE_EXPIRED" }
  | { readonly code: "NONCE_USED" }
  | { readonly code: "STATE_INIT_MALFORMED"; readonly why: string }
  | { readonly code: "ADDRESS_MISMATCH"; readonly address: string }
  | { readonly code: "WALLET_UNKNOWN"; readonly codeHash: string }
  | { readonly code: "KEY_MISMATCH"; readonly address: string }
  | { readonly code: "KEY_WEAK"; readonly address: string }
  | { readonly code: "PROOF_SIGNATURE_INVALID"; readonly address: string };

const AGAIN = "connect the wallet again";

const SENTENCES: Sentences<SignInFault> = {
  NETWORK_MISMATCH: (f) =>
    `the wallet is on network ${f.found}, this service on ${f.expected}; switch the wallet's network and connect again`,
  DOMAIN_LENGTH_MISMATCH: (f) =>
    `the proof says that its domain has ${f.stated} bytes, but it has ${f.bytes}; ${AGAIN}`,
  DOMAIN_UNKNOWN: (f) => `the proof was made for ${f.domain}, which is not this service; ${AGAIN} here`,
  PROOF_TOO_OLD: (f) =>
    `the proof is ${f.ageS} s old, at most ${f.ageMaxS} s are accepted; ${AGAIN}, and check the device's clock`,
  PROOF_FROM_FUTURE: (f) => `the proof is dated ${f.aheadS} s ahead; check the device's clock and ${AGAIN}`,
  NONCE_UNKNOWN: () => `the proof answers a question that this service did not ask; ${AGAIN}`,
  NONCE_EXPIRED: () => `the question that this proof answers has expired; ${AGAIN}`,
  NONCE_USED: () => `this proof was used already; ${AGAIN}`,
  STATE_INIT_MALFORMED: (f) => `the wallet's initial state cannot be read (${f.why}); ${AGAIN}`,
  ADDRESS_MISMATCH: (f) => `${f.address} is not the address of the wallet's initial state; ${AGAIN}`,
  WALLET_UNKNOWN: (f) =>
    `the wallet's code ${f.codeHash} is not known and tells no public key; use a standard wallet, such as W5`,
  KEY_MISMATCH: (f) => `the public key sent is not the key of ${f.address}; ${AGAIN}`,
  KEY_WEAK: (f) =>
    `the key of ${f.address} is a small-order ed25519 key and proves nothing; use another wallet`,
  PROOF_SIGNATURE_INVALID: (f) => `the signature is not that of ${f.address} under this proof; ${AGAIN}`,
};

export class SignInError extends FaultError<SignInFault> {
  override readonly name = "SignInError";
  constructor(fault: SignInFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}
