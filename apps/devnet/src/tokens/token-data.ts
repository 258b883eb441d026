/** A token as `getTokenData` of the API v2 writes it. */
import type { Address } from "@ton/core";
import type { Json } from "../api/v2/shapes.ts";
import type { Chain } from "../chain/chain.ts";
import { readToken, type Token, type TokenKind } from "./read-token.ts";

const KINDS: readonly TokenKind[] = ["jettonMaster", "jettonWallet", "nftCollection", "nftItem"];

export async function tokenData(chain: Chain, address: Address): Promise<Json | undefined> {
  for (const kind of KINDS) {
    const token = await readToken(chain, address, kind);
    if (token) return { address: address.toString(), ...WRITERS[kind](token) };
  }
  return undefined;
}

type Writer = (token: Token) => Readonly<Record<string, Json>>;

const WRITERS: { readonly [K in TokenKind]: Writer } = {
  jettonMaster: (token) => ({
    contract_type: "jetton_master",
    total_supply: Number(token.amount),
    mintable: token.isMintable,
    admin_address: token.owner,
    jetton_content: contentOf(token),
    jetton_wallet_code: token.walletCodeHash,
  }),
  jettonWallet: (token) => ({
    contract_type: "jetton_wallet",
    balance: Number(token.amount),
    owner: token.owner,
    jetton: token.parent,
  }),
  nftCollection: (token) => ({
    contract_type: "nft_collection",
    next_item_index: Number(token.item),
    owner_address: token.owner,
    collection_content: contentOf(token),
  }),
  nftItem: (token) => ({
    contract_type: "nft_item",
    init: token.isInitialized,
    index: Number(token.item),
    collection_address: token.parent,
    owner_address: token.owner,
    content: contentOf(token),
  }),
};

function contentOf({ content }: Token): Json {
  const { uri, ...rest } = content;
  return uri !== undefined && Object.keys(rest).length === 0
    ? { type: "offchain", data: uri }
    : { type: "onchain", data: content };
}
