/** PINGO on TON: contracts as they are deployed, what they are asked, what their exit codes say. */
export { type ContractName, codeOf } from "./code.ts";
export { EXIT_CODES, MACHINE_EXIT_CODES, sentenceOfExitCode } from "./exit-codes.ts";
export type { StateInit } from "./init.ts";
export {
  type Allocation,
  encodeGenesis,
  encodeProvideWalletAddress,
  encodeRedeliver,
  PINGO_SUPPLY_NANO,
  PingoMinter,
} from "./jetton/pingo-minter.ts";
export { encodeTransfer, PingoWallet, type Transfer, type WalletView } from "./jetton/pingo-wallet.ts";
export { encodeOrder } from "./quorum/order.ts";
export {
  encodeExecute,
  encodeQuorumCall,
  encodeSetKeys,
  GLOBAL_ID,
  Quorum,
  type QuorumCall,
  type QuorumKeys,
  type QuorumView,
  signCell,
} from "./quorum/quorum.ts";
