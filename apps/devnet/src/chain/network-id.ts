/** The devnet calls itself by testnet's id: what is signed for it holds on no network where coins are worth something. */
import { beginCell, type Cell, Dictionary } from "@ton/core";

/** As TON Connect and W5 wallets name a network. */
export const NETWORK_ID = -3;
const GLOBAL_ID_PARAMETER = 19;

export function withNetworkId(config: Cell): Cell {
  const parameters = Dictionary.loadDirect(Dictionary.Keys.Int(32), Dictionary.Values.Cell(), config);
  parameters.set(GLOBAL_ID_PARAMETER, beginCell().storeInt(NETWORK_ID, 32).endCell());
  return beginCell().storeDictDirect(parameters).endCell();
}
