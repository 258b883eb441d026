/** What several rooms know of TON: cells within limits, prices of the network, sign-in with a wallet. */
export { BOC_LIMITS, BocError, type BocFault, type BocLimits, parseBoc } from "./boc.ts";
export { withMainnetPrices } from "./prices.ts";
export { createMemorySpentNonces, type SpentNonces } from "./sign-in/nonce.ts";
export { proofDigest, type WalletProof, zWalletProof } from "./sign-in/proof.ts";
export { createSignIn, type SignedIn, type SignIn, type SignInOptions } from "./sign-in/sign-in.ts";
export { SignInError, type SignInFault } from "./sign-in/sign-in-error.ts";
export { keyOfWallet, type WalletVersion } from "./sign-in/wallet-keys.ts";
