/** Why a wallet cannot be made, opened or used, and what to do about it. */
import { FaultError, type Sentences } from "@pingo/core";

export type WalletFault =
  | { readonly code: "MNEMONIC_LENGTH"; readonly words: number }
  | { readonly code: "MNEMONIC_WORD"; readonly place: number }
  | { readonly code: "MNEMONIC_INVALID" }
  | { readonly code: "WALLET_ALTERED"; readonly what: string }
  | { readonly code: "PASSPHRASE_TOO_SHORT"; readonly charsMin: number }
  | { readonly code: "PASSPHRASE_WRONG" };

const SENTENCES: Sentences<WalletFault> = {
  MNEMONIC_LENGTH: (f) =>
    `a wallet has 24 words, and these are ${f.words}; write all of them, in their order`,
  MNEMONIC_WORD: (f) => `word ${f.place} is not one that wallets use; look it up where you wrote it down`,
  MNEMONIC_INVALID: () =>
    "these 24 words belong to no wallet without a password; check each and their order where you wrote them down",
  WALLET_ALTERED: (f) =>
    `${f.what} was altered: its address, network and key do not belong together; import the wallet's 24 words into another home`,
  PASSPHRASE_TOO_SHORT: (f) => `the passphrase is too short; choose one of at least ${f.charsMin} characters`,
  PASSPHRASE_WRONG: () =>
    "the passphrase does not open this wallet, or its file was altered; try again, or import the wallet's 24 words",
};

export class WalletError extends FaultError<WalletFault> {
  override readonly name = "WalletError";
  constructor(fault: WalletFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}
