/** TON in this process, as it is and as hostile as it may be. */
export {
  addressOf,
  type Chain,
  NANOGRAM,
  type Sent,
  START_UNIX_S,
  type Step,
  stepOf,
  TestChain,
} from "./chain.ts";
export { LooseChain } from "./loose-chain.ts";
export { QuickChain } from "./quick-chain.ts";
export { testGenesis } from "./test-genesis.ts";
