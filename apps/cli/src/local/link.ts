/** Says, with both keys, that a node works for a wallet. */
import { type KeyPair, signValue, WALLET_DOMAIN, type WalletLink } from "@pingo/core";
import type { WalletFile } from "@pingo/ton";

export function linkOf(
  node: KeyPair,
  wallet: { readonly file: Pick<WalletFile, "address" | "network">; readonly key: KeyPair },
  atUnixMs: number,
): WalletLink {
  const { address, network } = wallet.file;
  const statement = { node: node.nodeId, address, network, atUnixMs };
  return {
    byNode: signValue(WALLET_DOMAIN, statement, node),
    byWallet: signValue(WALLET_DOMAIN, statement, wallet.key),
  };
}
