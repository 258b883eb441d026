/** What several rooms know of TON: cells within limits, prices of the network, sign-in with a wallet. */
export { BOC_LIMITS, BocError, type BocFault, type BocLimits, parseBoc } from "./boc.ts";
export { withMainnetPrices } from "./prices.ts";
export { createMemorySpentNonces, type SpentNonces } from "./sign-in/nonce.ts";
export { proofDigest, type WalletProof, zWalletProof } from "./sign-in/proof.ts";
export { createSignIn, type SignedIn, type SignIn, type SignInOptions } from "./sign-in/sign-in.ts";
export { SignInError, type SignInFault } from "./sign-in/sign-in-error.ts";
export { keyOfWallet, type WalletVersion } from "./sign-in/wallet-keys.ts";
export {
  type AccountView,
  createToncenter,
  type Toncenter,
  type ToncenterOptions,
} from "./toncenter/toncenter.ts";
export { isAway, ToncenterError, type ToncenterFault } from "./toncenter/toncenter-error.ts";
export type { TransactionView } from "./toncenter/transaction.ts";
export {
  createWalletSender,
  type WalletSender,
  type WalletSenderOptions,
} from "./toncenter/wallet-sender.ts";
export { drawMnemonic, keyOfMnemonic, MNEMONIC_WORDS, parseMnemonic } from "./wallet/mnemonic.ts";
export { PASSPHRASE_CHARS_MIN } from "./wallet/sealed.ts";
export {
  NETWORK_IDS,
  type NetworkId,
  signWalletOrder,
  WALLET_MESSAGES_MAX,
  type WalletMessage,
  type WalletOrder,
  walletContract,
} from "./wallet/wallet.ts";
export { WalletError, type WalletFault } from "./wallet/wallet-error.ts";
export {
  keyOfWalletFile,
  parseWalletFile,
  sealWallet,
  WALLET_FILE_BYTES_MAX,
  type WalletFile,
  wordsOfWallet,
} from "./wallet/wallet-file.ts";
