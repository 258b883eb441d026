/** PINGO in this home's wallet on a local chain. */
import type { Context } from "../context.ts";
import type { LocalChain } from "./local-chain.ts";

export async function purseNano({ ports }: Context, chain: LocalChain): Promise<bigint> {
  const { createToncenter, walletContract } = await import("@pingo/ton");
  const { PingoWallet } = await import("@pingo/contracts");
  const { Address } = await import("@ton/core");
  const { clock, fetch } = ports;
  const toncenter = createToncenter({ endpoint: chain.endpoint, fetch, clock });
  const { address } = walletContract(chain.wallet.publicKey, chain.network);
  return toncenter.open(new PingoWallet(address, Address.parseRaw(chain.minter))).getBalanceNano();
}
