/** A TON Connect bridge on this machine and a wallet behind it, for tests of those who let wallets in. */
export { type Bridge, startBridge } from "./bridge.ts";
export {
  createFakeWallet,
  type FakeWallet,
  type FakeWalletOptions,
  type WalletReply,
} from "./fake-wallet.ts";
